"""Keeps what a job tells of its work, cycle by cycle, until it is known whether it is of interest.

A cycle is a trace. While it goes on its steps are plain objects; at its end it is decided whether
it is sent on: a share of all, and each with an alert, an error or something else that is seldom, of
these so many in a time at most. Sampling at the end and not at the beginning is what lets a cycle
with an alert be there for whoever follows the alert back. Making spans of it is done elsewhere, and
in the background.
"""

from __future__ import annotations

import re
import secrets
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from streamgmm.service.stop import StopRequested
from streamgmm.service.tracing import NOT_TRACED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from streamgmm.events import Batch, Records
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.tracing import Step

__all__ = ["Cycle", "Origin", "RecordedStep", "Recorder"]

# A cycle of a second may have hundreds of batches; more steps than these are counted only.
_MOST_STEPS: Final = 512
_MOST_LINKS: Final = 128
_MOST_TRACEBACK: Final = 8_000  # characters
_TRACEPARENT: Final = re.compile(
    rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)


class Origin(NamedTuple):
    """Where an event comes from, as its headers say: W3C's trace context."""

    trace_id: int
    span_id: int
    flags: int
    state: str = ""


@dataclass(slots=True)
class Cycle:
    """One trace: its steps, in the order in which they began, the whole of it first."""

    trace_id: int
    steps: list[RecordedStep]
    left_out: int = 0
    kept: bool = False


@dataclass(slots=True, eq=False)
class RecordedStep:
    """A step, and what is known of it.

    Attributes
    ----------
    begun, ended
        Nanoseconds since the epoch; 0 before.
    span_id
        0 where nobody has asked for it yet.
    error
        Kind, text and traceback of what it raised.
    """

    name: str
    notes: dict[str, Any]
    recorder: Recorder
    begun: int = 0
    ended: int = 0
    parent: RecordedStep | None = None
    span_id: int = 0
    links: list[Origin] = field(default_factory=list)
    error: tuple[str, str, str] | None = None

    def __enter__(self) -> Self:
        self.recorder.enter(self)
        return self

    def __exit__(self, _: object, raised: BaseException | None, __: object) -> None:
        if isinstance(raised, Exception) and not isinstance(raised, StopRequested):
            self.fail(raised)
        self.recorder.leave(self)

    def note(self, **notes: Any) -> None:
        """Say more of it."""
        self.notes |= notes

    def fail(self, error: Exception) -> None:
        """Note what went wrong with it."""
        trace = "".join(traceback.format_exception(error))[-_MOST_TRACEBACK:]
        self.error = (type(error).__qualname__, str(error), trace)
        self.recorder.failed()

    def alerted(self, records: Records, came: Sequence[Outputs]) -> None:
        """Note which of the records it was about were alerts, and where they come from."""
        positions = [int(o.batch.positions[row]) for o in came for row, _ in o.alerts]
        self.recorder.origins.clear()
        if not positions:
            return
        self.notes["alerts"] = len(positions)
        if records.headers is None:
            return
        for position in positions:
            origin = origin_of(records.headers(position))
            if origin is not None:
                self.recorder.origins[position] = origin
        self.links += list(self.recorder.origins.values())[:_MOST_LINKS]

    def drop(self) -> None:
        """Forget it, if no other step was within it."""
        self.recorder.drop(self)


class Recorder:
    """A `Tracer` that gives what is of interest on.

    Parameters
    ----------
    send
        Takes a cycle; returns at once.
    ratio
        The share of all cycles that is sent.
    clock
        Seconds, monotonic, by which what is kept in any case is rationed.
    """

    wants_headers = True

    def __init__(
        self,
        send: Callable[[Cycle], None],
        *,
        ratio: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._send = send
        # The traces that the specification's sampler by ratio would choose.
        self._bound = round(ratio * 2**64)
        self._cycle: Cycle | None = None
        self._under_way: list[RecordedStep] = []
        self._name = "start"
        self._offset = 0
        self._alerts = Ration(20, 1.0, clock)
        self._failures = Ration(5, 0.1, clock)
        self._events = Ration(20, 1.0, clock)
        self._recovering: dict[str, tuple[int, int]] = {}
        self.origins: dict[int, Origin] = {}

    def step(self, name: str, **notes: Any) -> Step:
        """Begin a step, within the one that is under way."""
        cycle = self._cycle
        if cycle is not None and len(cycle.steps) >= _MOST_STEPS:
            cycle.left_out += 1
            self.origins.clear()
            return NOT_TRACED
        return RecordedStep(name, notes, self)

    def enter(self, step: RecordedStep) -> None:
        """Put a step into its place."""
        cycle = self._begun()
        step.parent = self._under_way[-1] if self._under_way else cycle.steps[0]
        self._under_way.append(step)
        cycle.steps.append(step)
        step.begun = self._now()

    def leave(self, step: RecordedStep) -> None:
        """Note that a step is over."""
        step.ended = self._now()
        self._under_way.remove(step)

    def drop(self, step: RecordedStep) -> None:
        """Forget a step, and the cycle if there is nothing else in it."""
        cycle = self._cycle
        if cycle is not None and cycle.steps[-1] is step and step.error is None:
            cycle.steps.pop()
            if len(cycle.steps) == 1 and not cycle.kept:
                self._cycle = None

    def keep(self) -> None:
        """Send this cycle in any case."""
        self._keep(self._events)

    def failed(self) -> None:
        """Send this cycle in any case, if there were not many failures."""
        self._keep(self._failures)

    def alert(self, topic: str, batch: Batch, row: int) -> list[tuple[str, bytes]]:
        """Note an alert; give the header by which its readers find back here."""
        cycle = self._begun()
        self._keep(self._alerts)
        position = int(batch.positions[row])
        with self.step("create", topic=topic, event_id=f"{batch.origin}-{position}") as made:
            pass
        if not isinstance(made, RecordedStep):  # of so many the cycle as a whole has to do
            made = self._under_way[-1] if self._under_way else cycle.steps[0]
        elif position in self.origins:
            made.links.append(self.origins[position])
        made.span_id = made.span_id or secrets.randbits(64) or 1
        sampled = cycle.kept or self._is_sampled(cycle)
        parent = f"00-{cycle.trace_id:032x}-{made.span_id:016x}-{sampled:02x}"
        return [("traceparent", parent.encode())]

    def recovering(self, partition: str, events: int) -> None:
        """Note that so many events of a partition are to be learned again."""
        self._recovering[partition] = (time.time_ns(), events)

    def recovered(self, partition: str) -> None:
        """Tell of it as a trace of its own: it goes over many cycles."""
        begun, events = self._recovering.pop(partition, (0, 0))
        if begun:
            notes = {"partition_name": partition, "events": events}
            step = RecordedStep("recover", notes, self, begun, time.time_ns())
            self._send(Cycle(_trace_id(), [step], kept=True))

    def end(self, error: Exception | None = None) -> None:
        """End a cycle: all is committed, or lost with `error`."""
        cycle = self._cycle
        if cycle is None or self._under_way:
            return
        whole = cycle.steps[0]
        if error is not None:
            whole.fail(error)
        whole.ended = self._now()
        whole.notes["outcome"] = "settled" if error is None else "lost"
        worked = [step.notes for step in cycle.steps if step.name == "process"]
        whole.notes["events"] = sum(notes["messages"] for notes in worked)
        whole.notes["alerts"] = sum(notes.get("alerts", 0) for notes in worked)
        self._cycle = None
        self._name = "cycle"
        if cycle.kept or self._is_sampled(cycle):
            self._send(cycle)

    def _begun(self) -> Cycle:
        if self._cycle is None:
            self._offset = time.time_ns() - time.perf_counter_ns()
            whole = RecordedStep(self._name, {}, self, self._now())
            self._cycle = Cycle(_trace_id(), [whole])
            if self._name == "start":
                self._keep(self._events)
        return self._cycle

    def _keep(self, ration: Ration) -> None:
        cycle = self._begun()
        cycle.kept = cycle.kept or ration.take()

    def _is_sampled(self, cycle: Cycle) -> bool:
        return cycle.trace_id & (2**64 - 1) < self._bound

    def _now(self) -> int:
        return self._offset + time.perf_counter_ns()


class Ration:
    """So many at once, and so many a second in the long run."""

    def __init__(self, burst: float, rate: float, clock: Callable[[], float]) -> None:
        self._burst, self._rate, self._clock = burst, rate, clock
        self._left, self._at = burst, clock()

    def take(self) -> bool:
        """Whether there is one more."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def origin_of(headers: Iterable[tuple[str, bytes | None]]) -> Origin | None:
    """Read the trace context of a record's headers; None if there is none that can be used."""
    found = {name.lower(): value for name, value in headers if value is not None}
    match = _TRACEPARENT.fullmatch(found.get("traceparent", b"").strip())
    if match is None or match[1] == b"ff" or (match[1] == b"00" and match[5]):
        return None
    trace_id, span_id = int(match[2], 16), int(match[3], 16)
    if not trace_id or not span_id:
        return None
    state = found.get("tracestate", b"").decode("ascii", "replace")
    return Origin(trace_id, span_id, int(match[4], 16), state)


def _trace_id() -> int:
    return secrets.randbits(128) or 1
