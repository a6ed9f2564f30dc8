"""Alerts of a new behaviour as one incident; what an operator says of it; freezing."""

from __future__ import annotations

import numpy as np
import pytest

from streamgmm import snapshot
from streamgmm.detection import Budget, Detector, DetectorSettings, UnknownIncidentError, Verdicts
from streamgmm.detection.incidents import MOST, Incidents
from tests.mixture.streams import Array, state_bytes

SETTINGS = DetectorSettings(n_components=4, warmup=500, budget=Budget(probability=0.03))
BACKUP = np.array([40.0, 40.0])


def traffic(n: int, seed: int = 0, *, share: float = 0.01, new: Array = BACKUP) -> Array:
    """Events (n, 2): one usual behaviour and, tight and rare, a new one."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 2))
    rare = rng.random(n) < share
    X[rare] = new + 0.3 * rng.normal(size=(int(rare.sum()), 2))
    return X


def known(n: int = 1000, seed: int = 0) -> Array:
    """The same, with enough of the new behaviour in the warm-up for a component of its own."""
    X = traffic(n, seed)
    X[20:90:10] = BACKUP + 0.3 * np.random.default_rng(seed).normal(size=(7, 2))
    return X


def started(seed: int = 0) -> Detector:
    """A detector that knows both behaviours, one of them as rare."""
    detector = Detector(2, SETTINGS)
    detector.process(known(1000, seed), t=np.arange(1000.0))
    return detector


def of(X: Array, new: Array) -> Array:
    return np.abs(X - new).max(axis=1) < 5.0


def one_by_one(detector: Detector, X: Array, t: Array) -> list[Verdicts]:
    return [detector.process(X[i : i + 1], t=t[i : i + 1]) for i in range(len(X))]


def test_alerts_of_one_new_behaviour_are_one_incident() -> None:
    detector = started()
    X = traffic(2000, 1)
    verdicts = detector.process(X, t=1000.0 + np.arange(2000.0))
    backups = of(X, BACKUP) & verdicts.is_anomaly
    assert backups.sum() > 9
    [number] = set(verdicts.incident[backups].tolist())
    assert number > 0
    assert not verdicts.incident[~backups].any(), "an alert that no behaviour explains is alone"
    assert set(verdicts.sightings) == set(np.flatnonzero(backups).tolist())
    [incident] = detector.incidents
    assert (incident.id, incident.standing) == (number, "open")
    counts = [sighting.count for _, sighting in sorted(verdicts.sightings.items())]
    assert counts == list(range(counts[0], incident.count + 1))
    first = 1 + 1000 + int(np.flatnonzero(backups)[-1])
    assert incident.last_event == first
    assert incident.last_time == first - 1
    assert incident.severity == pytest.approx(
        max(incident.severity, verdicts.severity[backups].max())
    )


def test_only_the_first_alert_of_an_incident_opens_it() -> None:
    detector = Detector(2, SETTINGS)
    verdicts = detector.process(known(3000), t=np.arange(3000.0))
    flags = [one.first for _, one in sorted(verdicts.sightings.items())]
    assert flags == [True] + [False] * (len(flags) - 1)
    texts = [str(one) for _, one in sorted(verdicts.sightings.items())]
    assert texts[0].startswith("new behaviour 1: first seen at 1970-01-01 00:")
    assert texts[-1].startswith(f"new behaviour 1: {len(flags)} events since 1970-01-01 00:")
    assert detector.incidents[0].text == texts[-1]


def test_a_block_gives_what_its_events_give_one_by_one_and_after_a_restore() -> None:
    X, t = traffic(1200, 2), np.arange(1200.0)
    t[::7] = np.nan
    whole, single = started(), started()
    block = whole.process(X, t=t)
    head = one_by_one(single, X[:600], t[:600])
    single = Detector.from_state(snapshot.unpack(snapshot.pack(single.state())))
    rest = one_by_one(single, X[600:], t[600:])
    assert [int(one.incident[0]) for one in (*head, *rest)] == block.incident.tolist()
    assert [bool(one.is_anomaly[0]) for one in (*head, *rest)] == block.is_anomaly.tolist()
    assert state_bytes(single.state()) == state_bytes(whole.state())
    assert len(single.incidents) == 1


def test_a_muted_behaviour_is_counted_and_no_alert_and_nothing_else_is() -> None:
    X = np.concatenate([traffic(800, 3), traffic(800, 4, share=0.0) * [1.0, 8.0]])
    t = 1000.0 + np.arange(1600.0)
    loud, muted = started(), started()
    [incident] = muted.incidents
    muted.mute(incident.id)
    muted.mute(incident.id)
    assert muted.incidents[0].text == incident.text.replace("new", "muted")
    a, b = loud.process(X, t=t), muted.process(X, t=t)
    own = a.incident == incident.id
    assert own.any()
    assert (a.is_anomaly & ~own).any()
    assert np.array_equal(b.is_anomaly, a.is_anomaly & ~own), "only its own"
    assert np.array_equal(b.incident, a.incident)
    assert np.array_equal(b.score, a.score), "they are learned all the same"
    assert set(b.explanations) == set(np.flatnonzero(b.is_anomaly).tolist())
    # what is new in the second half becomes an incident of its own
    now = next(one for one in muted.incidents if one.id == incident.id)
    assert (now.standing, now.muted, now.count) == ("muted", int(own.sum()), incident.count)
    muted.unmute(incident.id)
    loud.unmute(incident.id)
    again = traffic(500, 5)
    expected = loud.process(again, t=2600.0 + np.arange(500.0))
    found = muted.process(again, t=2600.0 + np.arange(500.0))
    assert np.array_equal(found.is_anomaly, expected.is_anomaly)
    assert (found.incident == incident.id).any()


def test_an_accepted_behaviour_is_normal_at_once() -> None:
    detector = started()
    [incident] = detector.incidents
    X = traffic(500, 6)
    own = of(X, BACKUP)
    assert own.any()
    before = Detector.from_state(detector.state()).process(X, t=1000.0 + np.arange(500.0))
    detector.accept(incident.id)
    after = detector.process(X, t=1000.0 + np.arange(500.0))
    assert before.is_anomaly[own].all()
    # a behaviour of 1 in 100 is about as far out as it is rare, with a budget of 3 in 100
    assert (before.p_value[own] < 0.01).all()
    assert (after.p_value[own] > 0.01).all()
    assert (after.score[own] < before.score[own] - 5.0).all()
    [now] = detector.incidents
    assert now.standing == "accepted"
    assert now.text == incident.text.replace("new", "accepted")
    restored = Detector.from_state(snapshot.unpack(snapshot.pack(detector.state())))
    again = traffic(300, 7)
    assert restored.process(again).score.tobytes() == detector.process(again).score.tobytes()
    assert np.isinf(restored.mixture.tenure).sum() == 1


def test_a_behaviour_that_was_quiet_comes_back_as_another_incident() -> None:
    detector = started()
    detector.process(traffic(300, 1, share=0.0), t=1000.0 + np.arange(300.0))
    assert detector.incidents[0].standing == "open"
    quiet = traffic(100, 2, share=0.0)
    detector.process(quiet, t=6000.0 + np.arange(100.0))
    assert detector.incidents[0].standing == "closed", "an hour of event time without one"
    verdicts = detector.process(traffic(500, 3), t=6100.0 + np.arange(500.0))
    assert [one.standing for one in detector.incidents] == ["closed", "open"]
    first = min(verdicts.sightings)
    assert verdicts.sightings[first].first
    assert verdicts.sightings[first].id == 2
    with pytest.raises(ValueError, match=r"incident 1 is over.*back as incident 2: mute that one"):
        detector.mute(1)


def test_a_muted_behaviour_stays_muted_however_long_it_is_quiet() -> None:
    detector = started()
    detector.mute(1)
    verdicts = detector.process(traffic(500, 3), t=1e6 + np.arange(500.0))
    assert not verdicts.sightings
    assert (verdicts.incident == 1).any()
    assert [one.standing for one in detector.incidents] == ["muted"]


def test_what_an_operator_cannot_do() -> None:
    detector = started()
    for act in (detector.accept, detector.mute, detector.unmute):
        with pytest.raises(UnknownIncidentError, match="there is no incident 7; there are: 1"):
            act(7)
    detector.accept(1)
    with pytest.raises(ValueError, match="incident 1 is accepted as normal"):
        detector.mute(1)
    with pytest.raises(UnknownIncidentError, match="there are: none"):
        Detector(2).accept(1)


def test_accepting_what_has_left_the_model_is_refused() -> None:
    detector = started()
    state = detector.state()
    state["learner"]["mixture"]["ids"] = state["learner"]["mixture"]["ids"] + np.uint64(100)
    moved = Detector.from_state(state)
    with pytest.raises(ValueError, match="no longer in the model"):
        moved.accept(1)
    assert detector.incidents[0].standing == "open"
    assert (moved.incidents[0].standing, moved.open_incidents) == ("closed", 0)


# ---- freezing ----------------------------------------------------------------------------


def test_frozen_it_decides_and_learns_nothing() -> None:
    detector = started()
    before = detector.state()
    X, t = traffic(1500, 8), 1000.0 + np.arange(1500.0)
    detector.freeze()
    detector.freeze()
    assert detector.frozen
    verdicts = detector.process(X, t=t)
    assert verdicts.ready.all()
    assert verdicts.is_anomaly[of(X, BACKUP)].all()
    assert set(verdicts.explanations) == set(np.flatnonzero(verdicts.is_anomaly).tolist())
    assert np.isfinite(verdicts.p_value).all()
    assert verdicts.sightings
    frozen = Detector.from_state(snapshot.unpack(snapshot.pack(detector.state())))
    assert frozen.frozen
    for one in (detector, frozen):
        one.unfreeze()
        one.unfreeze()
        after = one.state()
        for part in ("learner", "tail", "clock", "settings"):
            assert state_bytes(after[part]) == state_bytes(before[part]), part


def test_frozen_a_block_gives_what_its_events_give_one_by_one() -> None:
    X, t = traffic(400, 9), np.full(400, np.nan)
    X[5] = np.nan
    whole, single = started(), started()
    whole.freeze()
    single.freeze()
    block = whole.process(X, t=t)
    singles = one_by_one(single, X, t)
    for name in ("score", "p_value", "is_anomaly", "component", "incident", "unscored"):
        parts = np.concatenate([getattr(one, name) for one in singles])
        assert parts.tobytes() == getattr(block, name).tobytes(), name
    assert state_bytes(single.state()) == state_bytes(whole.state())


def test_frozen_in_warm_up_nothing_is_gathered() -> None:
    detector = Detector(2, SETTINGS)
    detector.process(traffic(60))
    before = state_bytes(detector.state()["learner"]["warmup"])
    detector.freeze()
    verdicts = detector.process(traffic(1000, 1))
    assert not verdicts.ready.any()
    assert not verdicts.is_anomaly.any()
    assert np.isnan(verdicts.p_value).all()
    assert detector.n_seen == 60
    detector.unfreeze()
    assert state_bytes(detector.state()["learner"]["warmup"]) == before
    detector.process(traffic(200, 2))
    assert detector.ready


# ---- the table by itself -----------------------------------------------------------------


def test_the_table_is_bounded_and_what_is_over_leaves_first() -> None:
    table = Incidents()
    table.see(0, event=1, time=0.0, p_value=1e-3)
    table.mute(1)
    for i in range(1, 3 * MOST):
        table.see(i, event=i + 1, time=float(i), p_value=1e-3)
    kept = [one.id for one in table.all(range(3 * MOST))]
    assert len(kept) == MOST
    assert kept[0] == 1, "what an operator said of it stays longest"
    assert kept[1:] == list(range(2 * MOST + 2, 3 * MOST + 1)), "the quietest leave"
    assert table.see(0, event=10_000, time=1e6, p_value=1e-3) is None


def test_without_times_an_incident_ends_after_so_many_events() -> None:
    table = Incidents()
    nan = float("nan")
    for event, number in ((1, 1), (10_001, 1), (20_002, 2), (20_003, 2)):
        sighting = table.see(5, event=event, time=nan, p_value=0.5)
        assert sighting is not None
        assert sighting.id == number
    assert table.all({5})[1].text == "new behaviour 2: 2 events since event 20,002"


def test_late_events_and_absurd_times_do_no_harm() -> None:
    table = Incidents()
    for event, time in ((1, 1e4), (2, 10.0), (3, float("nan")), (4, 1e300), (5, -1e300)):
        table.pass_by(np.array([time]))
        assert table.see(5, event=event, time=time, p_value=0.5) is not None
        assert all(one.text for one in table.all({5}))


def test_what_is_accepted_is_that_behaviour_and_not_its_surroundings() -> None:
    """Tight and rare, accepted: normal itself, and a mere 5 units beside it is still strange."""
    settings = DetectorSettings(budget=Budget(probability=0.001))
    rng = np.random.default_rng(0)
    detector = Detector(3, settings)
    detector.process(rng.normal(size=(20_000, 3)))
    for _ in range(200):
        new = 12.0 + 0.3 * rng.normal(size=(1, 3))
        detector.process(np.concatenate([rng.normal(size=(100, 3)), new]))
    [incident] = detector.incidents
    detector.accept(incident.id)
    beside = 12.0 + 5.0 * np.concatenate([np.eye(3), -np.eye(3)])
    assert detector.process(beside).is_anomaly.all()
    assert not detector.process(12.0 + 0.3 * rng.normal(size=(20, 3))).is_anomaly.any()
