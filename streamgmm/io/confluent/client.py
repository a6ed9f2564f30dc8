"""All that a job needs of Kafka, by librdkafka."""

from __future__ import annotations

from streamgmm.io.confluent.cluster import group_members
from streamgmm.io.confluent.sink import ConfluentSink
from streamgmm.io.confluent.source import ConfluentSource
from streamgmm.io.confluent.state_topic import ConfluentStateTopic
from streamgmm.io.confluent.transactions import ConfluentTransactions

__all__ = ["Confluent"]


class Confluent:
    """A `streamgmm.io.client.Client`."""

    source = ConfluentSource
    sink = ConfluentSink
    transactions = ConfluentTransactions
    state_topic = ConfluentStateTopic
    group_members = staticmethod(group_members)
