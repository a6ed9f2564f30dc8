from __future__ import annotations

from itertools import pairwise

import pytest

from streamgmm.io.generate import FIELDS
from streamgmm.service.demo.attacks import ATTACKS
from streamgmm.service.demo.traffic import Traffic

NOW = 1_790_000_000.0


def test_flows_come_in_order_dated_from_the_beginning_on_at_the_rate_asked_for() -> None:
    traffic = Traffic(rate=100.0, begin=NOW, seed=1)
    first = traffic.until(NOW + 30.0)
    flows = first + traffic.until(NOW + 60.0)
    times = [flow["ts"] for flow in flows]
    assert times[0] >= NOW
    assert times[-1] <= NOW + 60.0
    assert first[-1]["ts"] <= NOW + 30.0
    assert all(one <= later for one, later in pairwise(times))
    assert len(flows) == pytest.approx(6_000, rel=0.15)
    assert not any(flow["label"] for flow in flows)


def test_the_same_seed_gives_the_same_flows() -> None:
    one, other = (Traffic(rate=50.0, begin=NOW, seed=3) for _ in range(2))
    one.ask("burst")
    other.ask("burst")
    assert one.until(NOW + 40.0) == other.until(NOW + 40.0)


@pytest.mark.parametrize(
    ("kind", "seconds", "kinds", "label"),
    [
        ("burst", 60.0, {"scan", "flood"}, 1),
        ("slow", 60.0, {"exfiltration"}, 1),
        ("new-behaviour", 180.0, {"calls"}, 0),
    ],
)
def test_an_attack_comes_when_it_is_asked_for(
    kind: str, seconds: float, kinds: set[str], label: int
) -> None:
    traffic = Traffic(rate=20.0, begin=NOW, seed=1)
    ordinary = {flow["kind"] for flow in traffic.until(NOW + 200.0)}
    assert not ordinary & kinds
    traffic.ask(kind)
    flows = traffic.until(NOW + 201.0) + traffic.until(NOW + 201.0 + seconds)
    attack = [flow for flow in flows if flow["kind"] in kinds]
    assert {flow["kind"] for flow in attack} == kinds
    assert {flow["label"] for flow in attack} == {label}
    assert all(NOW + 200.0 <= flow["ts"] <= NOW + 201.0 + seconds for flow in attack)
    assert all(set(flow) == set(FIELDS) for flow in attack)
    assert not {flow["kind"] for flow in traffic.until(NOW + 900.0)} & kinds


def test_all_attacks_are_tested() -> None:
    assert set(ATTACKS) == {"burst", "slow", "new-behaviour"}
