"""Kafka with librdkafka: what `streamgmm.io.client` asks for; no other package knows the library.

What the library (confluent-kafka 2.16) does and this package relies on, found by trying and tested:

- `consume` waits until it has as many messages as were asked for, or the time is up: what is there
  is taken first, and only if that is nothing one message is waited for.
- Messages of a partition that is paused or sought in are dropped, however far they had come. A new
  partition is paused in the callback of its assignment, before anything is fetched.
- `position` passes over transaction markers. Consuming with ``read_committed`` also makes the
  library ask for stable committed offsets, that is, it waits for pending transactions.
- A partition whose position is gone is given up: it must be assigned again, not sought in.
- A member that the group has let go has no generation, as with kafka-python; the metadata that
  transactions take are bytes that are not documented (`membership`).
- Calls of transactions can be made again after a time-out, and then go on where they were.
"""

from streamgmm.io.confluent.client import Confluent
from streamgmm.io.confluent.sink import ConfluentSink
from streamgmm.io.confluent.source import ConfluentSource
from streamgmm.io.confluent.state_topic import ConfluentStateTopic
from streamgmm.io.confluent.transactions import ConfluentTransactions

__all__ = [
    "Confluent",
    "ConfluentSink",
    "ConfluentSource",
    "ConfluentStateTopic",
    "ConfluentTransactions",
]
