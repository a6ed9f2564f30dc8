"""Generated authorisations: reproducible, in order, with rhythm, drift and the frauds promised."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.io.authorisations import A_DAY, FIELDS, START, authorisations
from streamgmm.io.cardholders import SHOPS
from streamgmm.io.frauds import FRAUDS


@pytest.fixture(scope="module")
def month() -> list[dict]:
    """Four weeks of 400 cards."""
    return list(islice(authorisations(seed=7), 48_000))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 6000), st.sampled_from([0.005, 0.02, 50.0]))
def test_the_same_seed_gives_the_same_however_many_are_taken(seed, count, rate) -> None:
    some = list(islice(authorisations(seed=seed, rate=rate), count))
    assert some == list(islice(authorisations(seed=seed, rate=rate), count + 100))[:count]


def test_they_are_in_order_and_complete(month) -> None:
    assert all(a["transmitted_at"] <= b["transmitted_at"] for a, b in pairwise(month))
    for one in month:
        assert tuple(one) == FIELDS
        assert one["label"] == (one["kind"] != "ordinary")
        assert one["amount"] > 0
    last = datetime.fromisoformat(month[-1]["transmitted_at"]).timestamp()
    days = (last - START) / 86_400
    cards = {one["card"][-6:] for one in month}
    assert len(month) / days / len(cards) == pytest.approx(A_DAY, rel=0.15)


def test_every_kind_of_fraud_occurs(month) -> None:
    count = Counter(one["kind"] for one in month)
    assert set(count) == {fraud.kind for fraud in FRAUDS} | {"ordinary"}
    assert sum(fraud.share for fraud in FRAUDS) == pytest.approx(1)
    assert sum(shop.share for shop in SHOPS) == pytest.approx(1)
    assert 1 - count["ordinary"] / len(month) == pytest.approx(0.005, rel=0.5)
    assert {one["kind"] for one in islice(authorisations(fraud_share=0.0), 9_000)} == {"ordinary"}


def test_the_days_have_a_rhythm_and_each_card_its_habits(month) -> None:
    ordinary = [one for one in month if not one["label"]]
    hours = np.array([int(one["transmitted_at"][11:13]) for one in ordinary])
    assert 0.005 < np.mean(hours < 6) < 0.08
    assert np.mean((hours >= 10) & (hours < 20)) > 0.6
    homes = defaultdict(Counter)
    for one in ordinary:
        homes[one["card"]][one["country"]] += 1
    at_home = sum(max(seen.values()) for seen in homes.values())
    assert 0.9 < at_home / len(ordinary) < 0.995
    assert any(len(seen) > 1 for seen in homes.values())


def test_what_people_buy_drifts_slowly() -> None:
    def online(start: float) -> float:
        some = list(islice(authorisations(seed=1, start=start, fraud_share=0.0), 20_000))
        return float(np.mean([one["entry_mode"] in ("100", "810") for one in some]))

    year = 365 * 86_400.0
    assert online(START + year) > 1.1 * online(START)


def test_a_settled_card_is_renewed_some_day() -> None:
    numbers = {one["card"] for one in islice(authorisations(seed=1, rate=0.001, cards=20), 30_000)}
    assert len(numbers) > 20
    assert {number[-6:] for number in numbers} == {f"{i:06d}" for i in range(20)}


def test_other_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="allowed are a rate above 0"):
        next(authorisations(rate=0.0))
