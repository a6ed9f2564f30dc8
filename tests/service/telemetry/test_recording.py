"""Which cycles are of interest, and what is known of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from streamgmm.events import Records
from streamgmm.service.stop import StopRequested
from streamgmm.service.telemetry.recording import Cycle, Recorder, origin_of

TRACE = b"0af7651916cd43dd8448eb211c80319c"
PARENT = b"00-" + TRACE + b"-b7ad6b7169203331-01"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def recorder(ratio: float = 0.0) -> tuple[Recorder, list[Cycle], Clock]:
    sent: list[Cycle] = []
    clock = Clock()
    made = Recorder(sent.append, ratio=ratio, clock=clock)
    made.end()
    with made.step("connect"):
        pass
    made.end()
    assert [cycle.steps[0].name for cycle in sent] == ["start"]
    sent.clear()
    return made, sent, clock


def names(cycle: Cycle) -> list[tuple[str, str]]:
    return [(s.name, s.parent.name if s.parent else "") for s in cycle.steps]


def outputs(*alerted: int) -> Any:
    batch = SimpleNamespace(positions=np.array([7, 8, 9]), origin="flows-0")
    return SimpleNamespace(batch=batch, alerts=[(row, None) for row in alerted])


def records(headers: Any) -> Records:
    return Records([b"{}"] * 3, np.array([7, 8, 9]), np.full(3, np.nan), [None] * 3, {}, headers)


def a_cycle(made: Recorder) -> None:
    with made.step("poll"):
        pass
    with made.step("process", messages=3), made.step("decode"):
        pass
    made.end()


def test_steps_are_within_one_another() -> None:
    made, sent, _ = recorder(ratio=1.0)
    a_cycle(made)
    [cycle] = sent
    assert names(cycle) == [
        ("cycle", ""), ("poll", "cycle"), ("process", "cycle"), ("decode", "process"),
    ]  # fmt: skip
    whole, poll, process, decode = cycle.steps
    times = [whole.begun, poll.begun, poll.ended, process.begun, decode.begun, decode.ended]
    assert times == sorted(times)
    assert decode.ended <= process.ended <= whole.ended
    assert whole.notes == {"outcome": "settled", "events": 3, "alerts": 0}


def test_of_an_idle_worker_nothing_is_sent() -> None:
    made, sent, _ = recorder(ratio=1.0)
    for _ in range(1000):
        with made.step("poll") as step:
            step.drop()
        with made.step("commit") as step:
            step.drop()
        made.end()
    assert sent == []


def test_a_share_is_sent_and_it_is_the_one_of_the_trace_ids() -> None:
    made, sent, _ = recorder(ratio=0.1)
    for _ in range(5000):
        a_cycle(made)
    assert 400 < len(sent) < 600
    assert all(cycle.trace_id & (2**64 - 1) < 0.1 * 2**64 for cycle in sent)


def test_a_cycle_with_an_alert_is_sent_and_its_header_leads_to_it() -> None:
    made, sent, _ = recorder()
    a_cycle(made)
    with made.step("process", messages=3) as step:
        step.alerted(records(lambda at: [("traceparent", PARENT)] if at == 8 else []), [outputs(1)])
    with made.step("send"):
        [(name, value)] = made.alert("alerts", outputs(1).batch, 1)
    made.end()
    [cycle] = sent
    create = cycle.steps[-1]
    assert names(cycle)[1:] == [("process", "cycle"), ("send", "cycle"), ("create", "send")]
    assert (name, value) == (
        "traceparent",
        f"00-{cycle.trace_id:032x}-{create.span_id:016x}-01".encode(),
    )
    assert create.notes == {"topic": "alerts", "event_id": "flows-0-8"}
    assert create.links == cycle.steps[1].links == [(int(TRACE, 16), 0xB7AD6B7169203331, 1, "")]
    assert cycle.steps[0].notes["alerts"] == 1


def test_an_alert_of_an_event_without_context_has_no_link() -> None:
    made, sent, _ = recorder()
    with made.step("process", messages=3) as step:
        step.alerted(records(None), [outputs(0)])
    made.alert("alerts", outputs(0).batch, 0)
    made.end()
    assert [step.links for step in sent[0].steps] == [[], [], []]


def test_a_flood_of_alerts_is_rationed_and_the_headers_say_so() -> None:
    made, sent, clock = recorder()
    flags = []
    for _ in range(100):
        [(_, value)] = made.alert("alerts", outputs(0).batch, 0)
        flags.append(value[-2:])
        made.end()
    assert len(sent) == flags.count(b"01") == 20
    assert flags.count(b"00") == 80
    clock.now = 5.0
    for _ in range(10):
        made.alert("alerts", outputs(0).batch, 0)
        made.end()
    assert len(sent) == 25


def test_what_goes_wrong_is_sent_and_rationed() -> None:
    made, sent, clock = recorder()
    for _ in range(50):
        with pytest.raises(OSError, match="no broker"), made.step("poll"):
            raise OSError("no broker")
        made.end(OSError("lost"))
    assert len(sent) == 5
    poll = sent[0].steps[1]
    assert poll.error is not None
    assert poll.error[:2] == ("OSError", "no broker")
    assert "Traceback" in poll.error[2]
    assert sent[0].steps[0].notes["outcome"] == "lost"
    clock.now = 3600.0
    made.step("poll").fail(OSError("again"))
    made.end()
    assert len(sent) == 6


def test_a_stop_is_no_error() -> None:
    made, sent, _ = recorder()
    with pytest.raises(StopRequested), made.step("poll"):
        raise StopRequested
    made.end()
    assert sent == []


def test_a_cycle_of_any_length_has_bounded_steps() -> None:
    made, sent, _ = recorder(ratio=1.0)
    for _ in range(1000):
        with made.step("process", messages=1), made.step("decode"):
            made.alert("alerts", outputs(0).batch, 0)
    made.end()
    [cycle] = sent
    assert len(cycle.steps) == 512
    assert cycle.left_out == 3001 - 512


def test_learning_again_is_a_trace_of_its_own() -> None:
    made, sent, _ = recorder()
    made.recovering("flows-0", 400)
    a_cycle(made)
    made.recovered("flows-1")
    assert sent == []
    made.recovered("flows-0")
    made.recovered("flows-0")
    [cycle] = sent
    assert [(s.name, s.notes["events"]) for s in cycle.steps] == [("recover", 400)]


@pytest.mark.parametrize(
    "value",
    [
        b"", b"nonsense", PARENT[:-1], PARENT + b"-x", b"ff" + PARENT[2:], PARENT.upper(),
        PARENT.replace(TRACE, b"0" * 32), b"00-" + TRACE + b"-0000000000000000-01", None,
    ],
)  # fmt: skip
def test_a_context_that_is_none_is_passed_over(value: bytes | None) -> None:
    assert origin_of([("traceparent", value)]) is None
    assert origin_of([]) is None


def test_a_context_of_a_later_version_is_read_and_the_state_kept() -> None:
    found = origin_of([("Traceparent", b"01" + PARENT[2:] + b"-more"), ("tracestate", b"a=b")])
    assert found == (int(TRACE, 16), 0xB7AD6B7169203331, 1, "a=b")
