"""What every job does beside moving events: deliver outputs, keep checkpoints, show its state."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from streamgmm.errors import StreamGMMError
from streamgmm.service.stall import Stall

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from streamgmm.service.commands import Commands
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.models import Models
    from streamgmm.service.sinks import OutputSink
    from streamgmm.service.status import Status
    from streamgmm.service.stop import Stop
    from streamgmm.service.tracing import Tracer

__all__ = ["Housekeeping", "Parts"]

# After a request to stop, so long to get outputs out before giving up; shorter than the grace
# that supervisors give before they kill.
_DRAIN_SECONDS: Final = 20.0
_SHOW_SECONDS: Final = 1.0
# How long to wait for outputs before operators are heard again.
_PATIENCE_SECONDS: Final = 1.0
_STARTING: Final = "starting"
_log = logging.getLogger(__name__)


class Housekeeping:
    """Delivery, checkpoints, metrics and status of one job.

    Parameters
    ----------
    models, sink, metrics, status, stop, commands
        The job's parts.
    checkpoint_interval
        Seconds between two checkpoints.
    """

    def __init__(
        self,
        *,
        models: Models,
        sink: OutputSink,
        metrics: Metrics,
        status: Status,
        stop: Stop,
        commands: Commands,
        checkpoint_interval: float,
    ) -> None:
        self._models = models
        self._sink = sink
        self._metrics = metrics
        self._status = status
        self._stop = stop
        self._commands = commands
        self._interval = checkpoint_interval
        metrics.checkpoint_interval.set(checkpoint_interval)
        self._checkpoint_at = time.monotonic() + checkpoint_interval
        self._show_at = 0.0
        self._retried = 0
        self._trouble: str | None = _STARTING
        self._worked = False
        self._gave_up = False
        self._stall = Stall(sink)

    def deliver(
        self, timeout: float | None = None, *, settle: Callable[[float], bool] | None = None
    ) -> bool:
        """Bring all outputs out, however long that takes.

        Parameters
        ----------
        timeout
            Seconds after which to give it up for now.
        settle
            Delivers, if it can within so many seconds, and says whether it could; without it
            outputs are flushed.

        Returns
        -------
        bool
            False if it was given up: after `timeout` seconds, or after a request to stop and
            the time for draining, and then for good. Nothing is lost; what is not confirmed
            comes again.

        Raises
        ------
        StreamGMMError
            If a file cannot be written.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.attempt(settle):
            if self._gave_up or (deadline is not None and time.monotonic() > deadline):
                return False
            self.obey()
        return True

    def attempt(self, settle: Callable[[float], bool] | None = None) -> bool:
        """Try for a second to bring all outputs out, as `deliver` does; else say what waits."""
        if self._gave_up:
            return False
        if self._settled(settle):
            self._stall.end()
            return True
        self._gave_up = self._stop.overdue(_DRAIN_SECONDS)
        self.trouble(*self._stall.trouble())
        self.show()
        return False

    def require_delivery(self) -> None:
        """See at the end that `deliver` did not give up.

        Raises
        ------
        StreamGMMError
            If it did.
        """
        if self._gave_up:
            raise StreamGMMError(
                f"{self._sink.unconfirmed} outputs could not be delivered before the stop: their "
                "events are processed again at the next start"
            )

    def _settled(self, settle: Callable[[float], bool] | None) -> bool:
        try:
            return (settle or self._sink.flush)(_PATIENCE_SECONDS)
        finally:
            self._metrics.sink_retries.inc(self._sink.retried - self._retried)
            self._retried = self._sink.retried

    def give_up(self) -> None:
        """Note that what is not delivered yet will not be before the end."""
        self._gave_up = True

    def checkpoint_is_due(self) -> bool:
        """Whether it is time for a checkpoint; asking resets the clock."""
        now = time.monotonic()
        if now < self._checkpoint_at:
            return False
        self._checkpoint_at = now + self._interval
        return True

    def obey(self) -> bool:
        """Carry out what operators have asked for, between two blocks of events.

        Returns
        -------
        bool
            Whether that changed a model: then a checkpoint is due.
        """
        changed = self._commands.carry_out(self._models.obey)
        if changed:
            self._checkpoint_at = 0.0
            self.show()
        return changed

    def checkpoint(self) -> None:
        """Write checkpoints of all models that have changed, and answer the operators."""
        self._commands.confirm(saved=self._models.checkpoint())

    def checkpoint_within(self, names: Collection[str] | None = None) -> dict[str, int]:
        """Put the checkpoints that are due into the transaction that is about to be committed.

        Of these models all that have changed, or (None) what is due by the clock; gives the
        positions to be committed with them.
        """
        if self._gave_up:
            return {}
        due = True if names is not None else self.checkpoint_is_due()
        return self._models.checkpoint_within(names, due=due)

    def committed(self) -> None:
        """Answer the operators, if all that they have changed is committed."""
        if not self._models.unsaved:
            self._commands.confirm(saved=True)

    def start_over(self) -> None:
        """Let go of the models, and tell operators that what they changed since is undone."""
        self._models.start_over()
        self._commands.undo()

    def trouble(self, what: str | None, details: str = "") -> None:
        """Say what keeps the job from its work, once in the log; None when nothing does.

        `details` may change from call to call: `/readyz` has the latest.
        """
        self._status.set_trouble(None if what is None else what + details)
        if what == self._trouble:
            return
        if what is not None:
            # What the start waits for is no trouble yet.
            level = logging.INFO if self._trouble == _STARTING else logging.WARNING
            _log.log(level, "not ready: %s%s", what, details)
        elif self._worked:
            _log.info("working again (before: %s)", self._trouble)
        else:
            _log.info("working")
            self._worked = True
        self._trouble = what

    def show_is_due(self) -> bool:
        """Whether metrics and status are older than a second; asking resets the clock."""
        now = time.monotonic()
        if now < self._show_at:
            return False
        self._show_at = now + _SHOW_SECONDS
        return True

    def show(self) -> None:
        """Bring metrics and status up to date."""
        self._status.set_models(self._models.show())
        self._metrics.sink_waiting.set(self._sink.unconfirmed)
        self._metrics.sink_waiting_bytes.set(self._sink.unconfirmed_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every job works with."""

    models: Models
    sink: OutputSink
    house: Housekeeping
    metrics: Metrics
    stop: Stop
    tracer: Tracer
