"""Kafka with kafka-python: what `streamgmm.io.client` asks for; no other package knows the library.

What the library does (version 3) and this package relies on, read in its source and tested:

- Rebalance callbacks run on the consumer's own IO thread, while the thread that called `poll` or
  `close` waits; between two polls nothing is called. An offset commit that the callback awaits
  is done while the member still counts as the owner.
- A new partition is paused in the callback and starts only when `KafkaSource.open` has said
  where, so no record is fetched before its model is restored.
- Consuming with ``read_committed`` also makes the library ask for stable committed offsets, that
  is, it waits for pending transactions.
- `flush` of the producer gives up waiting, not sending: what is not acknowledged yet stays in
  its queue. Its delivery time-out is lifted here, so an absent broker loses nothing. A refusal,
  though, ends an idempotent producer for good: it is replaced, and what was refused sent again.
- While a client is made, a refused login is retried until the time is up, and its reason is
  mostly lost (bytes that arrive together with the end of the connection are dropped): `Starting`
  watches the connections and says what happened.
"""

from streamgmm.io.kafka.client import KafkaPython
from streamgmm.io.kafka.sink import KafkaSink
from streamgmm.io.kafka.source import KafkaSource
from streamgmm.io.kafka.state_topic import KafkaStateTopic
from streamgmm.io.kafka.transactions import KafkaTransactions

__all__ = ["KafkaPython", "KafkaSink", "KafkaSource", "KafkaStateTopic", "KafkaTransactions"]
