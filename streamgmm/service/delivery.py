"""How outputs and the positions they came from are brought out together: two guarantees.

*At least once*: outputs first, then the positions. A crash between the two repeats some outputs.
*Exactly once*: both in one transaction. Whatever goes wrong, neither is to be seen, and the work
begins again from the committed positions, where the models are restored to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamgmm.io.client import Partition, Source, Transactions
    from streamgmm.service.sinks import OutputSink

__all__ = ["AtLeastOnce", "Delivery", "ExactlyOnce"]


class Delivery(Protocol):
    """Brings out what the sink was handed and commits the positions it came from.

    Attributes
    ----------
    interval
        Seconds after which outputs that wait are brought out.
    exactly_once
        Whether outputs and positions stand or fall together.
    """

    interval: float
    exactly_once: bool

    def settle(self, source: Source, positions: Mapping[Partition, int], timeout: float) -> bool:
        """Deliver and commit; False if that takes more than `timeout` seconds: call again.

        Raises
        ------
        SourceUnavailableError
            If the outputs are out and the positions could not be committed.
        TransactionLostError
            If neither is; `start_over` first.
        """

    def start_over(self) -> bool:
        """Forget what was handed to the sink and not delivered; False: try again.

        Raises
        ------
        TransactionLostError
            If the brokers refuse a new transaction, and why; to be tried again too.
        """


class AtLeastOnce:
    """Outputs, then positions."""

    interval = 1.0
    exactly_once = False

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink

    def settle(self, source: Source, positions: Mapping[Partition, int], timeout: float) -> bool:
        """Wait until the outputs are out, then commit."""
        if not self._sink.flush(timeout):
            return False
        source.commit(positions)
        return True

    def start_over(self) -> bool:
        """Forget nothing: what was handed over is delivered in the end."""
        return True


class ExactlyOnce:
    """Outputs and positions in one transaction.

    Parameters
    ----------
    transactions
        Of the sink.
    interval
        Seconds after which outputs that wait are committed.
    """

    exactly_once = True

    def __init__(self, transactions: Transactions, interval: float) -> None:
        self._transactions = transactions
        self.interval = interval

    def settle(self, source: Source, positions: Mapping[Partition, int], timeout: float) -> bool:
        """Commit the transaction."""
        return self._transactions.commit(positions, source.membership, timeout)

    def start_over(self) -> bool:
        """Give the open transaction up."""
        return self._transactions.restart()
