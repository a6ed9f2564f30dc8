"""Categorical surprise: laws of the tables, calibration, bounds, the same bits in any blocks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm import snapshot
from streamgmm.events.frequency import Frequencies, Histories, surprise_of
from streamgmm.events.surprise import CATEGORIES, OWN_CATEGORIES, Surprise, as_category

categories = st.lists(st.sampled_from("abcdefgh") | st.none(), max_size=80)


def zipf(n: int, seed: int = 0, power: float = 1.5) -> list[str]:
    return [f"c{i}" for i in np.random.default_rng(seed).zipf(power, n).tolist()]


def same(a, b) -> None:
    for name in ("surprise", "share", "own_share"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def pairs(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(seed)
    return zipf(n, seed), [f"k{i}" for i in rng.integers(0, 30, n)]


@given(categories, st.integers(1, 7), st.sampled_from([1.0, 20.0, math.inf]))
def test_blocks_do_not_matter(values, size, half_life) -> None:
    keys = [None if i % 5 == 0 else f"k{i % 3}" for i in range(len(values))]
    whole = Surprise(half_life, keys=2).learn(values, keys)
    one = Surprise(half_life, keys=2)
    parts = [
        one.learn(values[i : i + size], keys[i : i + size]) for i in range(0, len(values), size)
    ]
    for name in ("surprise", "share", "own_share"):
        joined = b"".join(getattr(part, name).tobytes() for part in parts)
        assert getattr(whole, name).tobytes() == joined


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=200), st.integers(1, 10))
def test_probabilities_of_what_is_kept_and_of_the_rest_sum_to_one(values, capacity) -> None:
    table = Frequencies(1e6, capacity)
    for value in values:
        table.learn(value)
    kept = [name for name in "abcdefgh" if table.count(name)]
    total = table.unseen + sum(table.probability(name) for name in kept)
    assert total == pytest.approx(1.0, rel=1e-12)
    assert len(table) <= capacity


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=100))
def test_a_keys_probabilities_sum_to_one(values) -> None:
    everyone, own = Frequencies(1e6, 100), Frequencies(1e6, 2)
    for i, value in enumerate(values):
        everyone.learn(value)
        if i % 2:
            own.learn(value)
    kept = [name for name in "abcd" if everyone.count(name)]
    total = sum(math.exp(-surprise_of(everyone, own, name)) for name in [*kept, "never"])
    assert total == pytest.approx(1.0, rel=1e-9)


def test_it_is_the_decayed_frequency_of_the_textbook() -> None:
    values, half_life = zipf(500), 50.0
    table, decay = Frequencies(half_life, 1000), 2 ** (-1 / half_life)
    counts: dict[str, float] = {}
    total = novel = 0.0
    for value in values:
        seen = {name: n for name, n in counts.items() if n >= 0.5}
        unseen = (novel + 0.5) / (total + 1) if counts else 1.0
        if value in seen:
            assert table.count(value) == pytest.approx(seen[value], rel=1e-9)
        else:
            assert table.probability(value) == pytest.approx(unseen, rel=1e-9)
        novel, total = decay * novel + (value not in seen), decay * total + 1
        counts = {name: decay * n for name, n in seen.items()}
        counts[value] = counts.get(value, 0.0) + 1
        table.learn(value)
        assert table.events == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("power", [1.2, 1.5, 2.5])
def test_the_unseen_come_as_often_as_they_are_expected(power) -> None:
    """Calibration on a stationary stream whose categories never end."""
    judged = Surprise(2_000.0).learn(zipf(30_000, seed=3, power=power))
    late = slice(10_000, None)
    unseen = judged.share[late] == 0
    assert np.exp(-judged.surprise[late][unseen]).mean() == pytest.approx(unseen.mean(), rel=0.1)


def test_probabilities_come_true() -> None:
    """Of events given probability p, a share p comes: the expected -log p is the entropy."""
    rng = np.random.default_rng(1)
    p = np.array([0.6, 0.3, 0.09, 0.009, 0.001])
    values = [f"c{i}" for i in rng.choice(5, 60_000, p=p)]
    surprise = Surprise(10_000.0).learn(values).surprise[20_000:]
    assert surprise.mean() == pytest.approx(-(p * np.log(p)).sum(), rel=0.02)


def test_a_category_unseen_for_long_is_as_strange_as_a_new_one() -> None:
    surprise = Surprise(100.0)
    surprise.learn(["rare", *["usual"] * 300])
    assert surprise.of("rare") == surprise.of("never") > surprise.of("usual")
    surprise.learn(["usual"] * 2_000)  # far more than its half-lives: no zero, no infinity
    assert 5 < surprise.of("rare") < 20


@pytest.mark.parametrize("half_life", [1.0, 10.0, 10_000.0, math.inf])
def test_a_long_stream_stays_finite_and_bounded(half_life) -> None:
    surprise = Surprise(half_life, keys=7)
    for seed in range(5):
        values, keys = pairs(2_000, seed)
        judged = surprise.learn([*values, *map(str, range(3_000))], [*keys, *keys[:1_000], *keys])
        assert np.isfinite(judged.surprise).all()
        assert (judged.surprise >= 0).all()
    state = surprise.state()
    assert len(state["all"]["names"]) <= CATEGORIES
    assert len(state["own"]["keys"]) == 7
    assert state["own"]["sizes"].max() <= OWN_CATEGORIES


def test_the_frequent_survive_a_flood_of_unique_values() -> None:
    surprise = Surprise(1e6)
    surprise.learn(["CH"] * 50 + ["DE"] * 50)
    surprise.learn([f"id-{i}" for i in range(5 * CATEGORIES)])
    judged = surprise.learn(["CH", "another"])
    assert judged.share[0] == pytest.approx(50 / (100 + 5 * CATEGORIES), rel=1e-2)
    assert judged.surprise[1] < 0.1 < judged.surprise[0]  # here it is new ones that are usual


def test_a_keys_history_says_what_the_stream_does_not() -> None:
    surprise = Surprise(keys=100)
    home = {f"card-{i}": ("CH", "NZ")[i % 10 == 0] for i in range(40)}
    for _ in range(50):
        surprise.learn(list(home.values()), list(home))
    assert surprise.of("NZ", "card-39") > surprise.of("NZ") + 3
    assert surprise.of("NZ", "card-30") < 0.2  # at home
    assert surprise.of("NZ", "a new card") == surprise.of("NZ", None) == surprise.of("NZ")
    judged = surprise.learn(["NZ", "NZ", "NZ"], ["card-39", "card-30", "a new card"])
    np.testing.assert_allclose(judged.own_share, [0.0, 1.0, np.nan])
    np.testing.assert_allclose(judged.share, 0.1, rtol=0.02)


def test_the_key_not_seen_for_longest_gives_way() -> None:
    histories = Surprise(keys=2)
    histories.learn(["x", "x", "x", "x"], ["a", "b", "a", "c"])
    assert histories.state()["own"]["keys"] == ["a", "c"]


def test_missing_is_neither_judged_nor_counted() -> None:
    surprise = Surprise(keys=3)
    surprise.learn(["x"], ["a"])
    before = snapshot.pack(surprise.state())
    judged = surprise.learn([None, None], ["a", None])
    assert np.isnan([judged.surprise, judged.share, judged.own_share]).all()
    assert snapshot.pack(surprise.state()) == before
    assert math.isnan(surprise.of(None))


def test_judged_without_counting_nothing_changes() -> None:
    surprise = Surprise(500.0, keys=3)
    surprise.learn(*pairs(400))
    before = snapshot.pack(surprise.state())
    values, keys = ["1", "never", None, "1"], ["new", "new", "new", None]
    judged = surprise.learn(values, keys, count=False)
    expected = [surprise.of(value, key) for value, key in zip(values, keys, strict=True)]
    np.testing.assert_array_equal(judged.surprise, expected)
    again = surprise.learn(*pairs(50, seed=1), count=False)
    assert np.isfinite(again.own_share).any()
    assert snapshot.pack(surprise.state()) == before


def test_a_restored_table_goes_on_bit_for_bit() -> None:
    values, keys = pairs(6_000)
    one = Surprise(300.0, keys=20)
    one.learn(values[:3_000], keys[:3_000])
    other = Surprise(300.0, keys=20)
    other.restore(snapshot.unpack(snapshot.pack(one.state())))
    same(one.learn(values[3_000:], keys[3_000:]), other.learn(values[3_000:], keys[3_000:]))
    assert snapshot.pack(one.state()) == snapshot.pack(other.state())


def test_a_state_that_does_not_fit_is_refused() -> None:
    one = Surprise(keys=20)
    one.learn(*pairs(500))
    with pytest.raises(ValueError, match="own histories"):
        Surprise().restore(one.state())
    with pytest.raises(ValueError, match="20 keys, 20 sizes of 3 at most"):
        Surprise(keys=3).restore(one.state())
    cut = one.state()["all"] | {"counts": np.empty(1)}
    with pytest.raises(ValueError, match="1 counts"):
        Frequencies(10.0, 1000).restore(cut)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("CH", "CH"), ("", ""), (443, "443"), (443.0, "443"), (-0.0, "0"), (0.5, "0.5"),
        (10**20, str(10**20)), (1e300, "1e+300"), (True, "true"), (np.False_, "false"),
        (np.int32(7), "7"), (np.float32(7), "7"), (np.str_("x"), "x"), (None, None),
        (math.nan, None),
    ],
)  # fmt: skip
def test_values_as_categories(value, text) -> None:
    assert as_category(value) == text
    assert as_category(value) is None or type(as_category(value)) is str


def test_other_values_are_no_categories() -> None:
    with pytest.raises(TypeError, match=r"\[1\], a list; text, a number"):
        as_category([1])


def test_long_texts_are_bounded_and_told_apart() -> None:
    long = [as_category("x" * n) or "" for n in (128, 129, 100_000)]
    assert len(set(long)) == 3
    assert max(map(len, long)) <= 128
    assert as_category("\ud800" * 200)  # what no encoding takes


@pytest.mark.parametrize("wrong", [(0.5, 10), (math.nan, 10), (10.0, 0)])
def test_bounds_without_sense_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Frequencies(*wrong)
    with pytest.raises(ValueError, match="at least 1"):
        Histories(10.0, 10, 0)
