"""What a job asks of Kafka, and what it is told when that fails; no client library is known here.

`streamgmm.io.kafka` does it with kafka-python, `streamgmm.io.confluent` with librdkafka.
"""

from streamgmm.io.client.connection import Connection, check_certificates
from streamgmm.io.client.errors import (
    PositionGoneError,
    SourceUnavailableError,
    TransactionLostError,
)
from streamgmm.io.client.limits import Limits, Message
from streamgmm.io.client.partitions import Owner, Partition
from streamgmm.io.client.protocols import Client, Sink, Source, StateTopic, Transactions
from streamgmm.io.client.rights import Right, refusal
from streamgmm.io.client.state import StateRecord

__all__ = [
    "Client",
    "Connection",
    "Limits",
    "Message",
    "Owner",
    "Partition",
    "PositionGoneError",
    "Right",
    "Sink",
    "Source",
    "SourceUnavailableError",
    "StateRecord",
    "StateTopic",
    "TransactionLostError",
    "Transactions",
    "check_certificates",
    "refusal",
]
