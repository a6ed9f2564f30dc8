"""All that a job needs of Kafka, by kafka-python."""

from __future__ import annotations

from streamgmm.io.kafka.cluster import group_members
from streamgmm.io.kafka.sink import KafkaSink
from streamgmm.io.kafka.source import KafkaSource
from streamgmm.io.kafka.state_topic import KafkaStateTopic
from streamgmm.io.kafka.transactions import KafkaTransactions

__all__ = ["KafkaPython"]


class KafkaPython:
    """A `streamgmm.io.client.Client`."""

    source = KafkaSource
    sink = KafkaSink
    transactions = KafkaTransactions
    state_topic = KafkaStateTopic
    group_members = staticmethod(group_members)
