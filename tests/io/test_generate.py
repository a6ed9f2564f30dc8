"""Generated flows: reproducible, in order, with the rhythm and the attacks they promise."""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.io.attacks import ATTACKS
from streamgmm.io.behaviours import BEHAVIOURS
from streamgmm.io.columns import DAY, HOUR
from streamgmm.io.generate import FIELDS, START, flows, write_jsonl

KINDS = {behaviour.kind for behaviour in BEHAVIOURS}
ATTACK_KINDS = {attack.kind for attack in ATTACKS}


@pytest.fixture(scope="module")
def week() -> list[dict]:
    """A week of flows, one every 12 seconds in the mean."""
    return [*takewhile_before(flows(seed=7, rate=1 / 12), START + 7 * DAY)]


def takewhile_before(stream, end):
    for flow in stream:
        if flow["ts"] >= end:
            return
        yield flow


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6000), st.sampled_from([0.05, 2.0, 500.0]))
def test_the_same_seed_gives_the_same_flows_however_many_are_taken(seed, count, rate) -> None:
    assert list(islice(flows(seed=seed, rate=rate), count)) == list(
        islice(islice(flows(seed=seed, rate=rate), count + 100), count)
    )


def test_other_seeds_give_other_flows() -> None:
    assert next(flows(seed=1)) != next(flows(seed=2))


def test_flows_are_in_order_and_complete(week) -> None:
    assert all(a["ts"] <= b["ts"] for a, b in pairwise(week))
    for flow in week:
        assert tuple(flow) == FIELDS
        assert flow["label"] == (flow["kind"] in ATTACK_KINDS)
        assert flow["duration"] >= 0
        sizes = [flow[name] for name in FIELDS if name.startswith(("bytes", "packets"))]
        assert all(type(size) is int and size >= 0 for size in sizes)
        assert 0 < flow["dport"] < 65_536
    json.dumps(week)


def test_every_kind_occurs_in_its_share(week) -> None:
    count = Counter(flow["kind"] for flow in week)
    assert set(count) == KINDS | ATTACK_KINDS
    ordinary = sum(count[kind] for kind in KINDS)
    for behaviour in BEHAVIOURS:
        assert count[behaviour.kind] / ordinary == pytest.approx(behaviour.share, rel=0.1)
    assert sum(behaviour.share for behaviour in BEHAVIOURS) == pytest.approx(1)
    assert sum(attack.share for attack in ATTACKS) == pytest.approx(1)
    assert len(week) / (7 * DAY) == pytest.approx(1 / 12, rel=0.05)
    assert sum(count[kind] for kind in ATTACK_KINDS) / len(week) == pytest.approx(0.01, rel=0.5)


def test_the_days_have_a_rhythm(week) -> None:
    def share(kind: str, begin: int, end: int) -> float:
        hours = [flow["ts"] % DAY / HOUR for flow in week if flow["kind"] == kind]
        return sum(begin <= hour < end for hour in hours) / len(hours)

    assert share("web", 9, 17) > 0.6
    assert share("web", 0, 6) < 0.1
    assert share("backup", 1, 4) > 0.95
    assert share("monitoring", 9, 17) == pytest.approx(1 / 3, abs=0.05)
    weekend = sum((flow["ts"] - START + 8 * HOUR) // DAY >= 5 for flow in week) / len(week)
    assert weekend < 0.2  # of 2 days in 7


def test_some_attacks_come_in_bursts_and_some_are_scattered(week) -> None:
    gaps = defaultdict(list)
    last: dict[str, float] = {}
    for flow in week:
        if flow["label"]:
            if flow["kind"] in last:
                gaps[flow["kind"]].append(flow["ts"] - last[flow["kind"]])
            last[flow["kind"]] = flow["ts"]
    median = {kind: float(np.median(values)) for kind, values in gaps.items()}
    assert median["scan"] < 2
    assert median["flood"] < 2
    assert median["exfiltration"] > 60
    assert median["beaconing"] > 30


def test_without_attacks() -> None:
    assert not any(flow["label"] for flow in islice(flows(attack_share=0.0), 20_000))


def test_attacks_of_some_kinds_alone() -> None:
    def counted(**options) -> Counter[str]:
        made = islice(flows(seed=2, attack_share=0.1, **options), 80_000)
        return Counter(flow["kind"] for flow in made if flow["label"])

    kinds = counted(attacks=["beaconing", "flood"])
    assert set(kinds) == {"beaconing", "flood"}
    assert 0.7 < kinds.total() / counted().total() < 1.4, "the whole share is theirs now"
    every = islice(flows(seed=2, attacks=ATTACK_KINDS), 2_000)
    assert list(every) == list(islice(flows(seed=2), 2_000))


@pytest.mark.parametrize(
    "options",
    [{"rate": 0}, {"attack_share": 0.9}, {"seed": -1}, {"attacks": ["raid"]}, {"attacks": []}],
)
def test_what_makes_no_sense_is_refused(options) -> None:
    with pytest.raises(ValueError, match="allowed are"):
        next(flows(**options))


def test_written_as_json_lines() -> None:
    stream = io.BytesIO()
    assert write_jsonl(flows(seed=3), stream, count=1234) == 1234
    lines = stream.getvalue().splitlines()
    assert [json.loads(line) for line in lines] == list(islice(flows(seed=3), 1234))


def test_paced() -> None:
    now = 0.0

    def sleep(span: float) -> None:
        nonlocal now
        now += span

    stream = io.BytesIO()
    write_jsonl(flows(), stream, count=300, rate=100.0, clock=lambda: now, sleep=sleep)
    assert now == pytest.approx(2.99, abs=0.06)
    assert stream.getvalue().count(b"\n") == 300
