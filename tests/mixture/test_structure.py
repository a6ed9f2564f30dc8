"""Merge, split, retirement and birth: what each of them leaves as it was."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgmm.mixture import OnlineMixture
from streamgmm.mixture.components import Components
from streamgmm.mixture.structure import birth, compacted, merge, retire, split
from tests.mixture.streams import COVARIANCES, fitted, modes, state_bytes

Array = np.ndarray

CLOSE = {"rtol": 1e-10, "atol": 1e-10}


def parts_of(seed: int, d: int, covariance: str, empty: int = 0) -> Components:
    """Return five components of random shapes and sizes, the last ``empty`` slots of them empty."""
    rng = np.random.default_rng(seed)
    mixture = fitted(modes(150, d, seed=seed), 5, covariance=covariance)
    A = rng.normal(size=(5, d, d)) * 10.0 ** rng.uniform(-2, 2, size=(5, 1, 1))
    weights = rng.dirichlet(np.ones(5)) + 1e-6
    weights[5 - empty :] = 0.0
    present = weights > 0.0
    mixture.set_statistics(
        mass=500.0,
        weights=weights / weights.sum(),
        counts=present * rng.uniform(1.0, 100.0, size=5),
        means=rng.normal(size=(5, d)) * 10.0 ** rng.uniform(-3, 3),
        scatters=A @ np.swapaxes(A, 1, 2),
        tenure=present * rng.choice([3.0, 500.0, 5000.0], size=5),
    )
    return mixture.components


def moments(parts: Components) -> tuple[Array, Array]:
    """Return the whole mixture's mean (d,) and second moment about it, packed."""
    w = parts.weights[:, None]
    mean = (w * parts.means).sum(axis=0)
    return mean, (w * (parts.scatters + parts.outer(parts.means - mean))).sum(axis=0)


def assert_same_whole(before: Components, after: Components) -> None:
    for name in ("weights", "counts", "tenure"):
        np.testing.assert_allclose(
            getattr(after, name).sum(), getattr(before, name).sum(), rtol=1e-12
        )
    for old, new in zip(moments(before), moments(after), strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-10, atol=1e-10 * np.abs(old).max())


def semi_definite(parts: Components, k: int) -> bool:
    S = parts.covariance.unpack(parts.scatters[k], parts.d)
    return bool(np.linalg.eigvalsh(S).min() >= -1e-9 * np.abs(S).max())


cases: dict[str, Any] = {
    "seed": st.integers(0, 10_000), "d": st.integers(1, 6),
    "covariance": st.sampled_from(COVARIANCES),
}  # fmt: skip


@settings(max_examples=30)
@given(**cases, i=st.integers(0, 4), j=st.integers(0, 4))
def test_merge_preserves_mass_and_moments(
    seed: int, d: int, covariance: str, i: int, j: int
) -> None:
    before = parts_of(seed, d, covariance)
    if i == j:
        with pytest.raises(ValueError, match="cannot be merged with itself"):
            merge(before, i, j)
        return
    after = merge(before, i, j)
    assert_same_whole(before, after)
    kept, gone = (i, j) if before.weights[i] >= before.weights[j] else (j, i)
    assert after.ids[kept] == before.ids[kept]
    assert (after.ids[gone], after.weights[gone], after.tenure[gone]) == (0, 0.0, 0.0)
    assert semi_definite(after, kept)
    others = [k for k in range(5) if k not in (i, j)]
    np.testing.assert_array_equal(after.means[others], before.means[others])
    other_way = merge(before, j, i)
    np.testing.assert_allclose(other_way.scatters, after.scatters, rtol=1e-9)


@settings(max_examples=30)
@given(**cases, k=st.integers(0, 3))
def test_split_preserves_mass_and_moments(seed: int, d: int, covariance: str, k: int) -> None:
    before = parts_of(seed, d, covariance, empty=1)
    after = split(before, k, 4)
    assert_same_whole(before, after)
    assert after.weights[k] == after.weights[4] == before.weights[k] / 2
    assert semi_definite(after, k)
    assert semi_definite(after, 4)
    assert after.ids[k] == before.ids[k]
    assert after.ids[4] not in (0, *before.ids)
    # merged again it is what it was
    whole = merge(after, k, 4)
    np.testing.assert_allclose(whole.means[k], before.means[k], **CLOSE)
    scale = np.abs(before.scatters[k]).max()
    np.testing.assert_allclose(whole.scatters[k], before.scatters[k], atol=1e-10 * scale)


def test_the_halves_of_a_split_are_those_of_a_gaussian() -> None:
    parts = parts_of(0, 2, "full", empty=1)
    S = np.array([[4.0, 1.0], [1.0, 2.0]])
    parts.scatters[0] = parts.covariance.pack(S)
    parts.means[0] = 0.0
    after = split(parts, 0, 4)
    v = np.linalg.eigh(S)[1][:, -1]
    X = np.random.default_rng(0).multivariate_normal(np.zeros(2), S, size=400_000)
    right = X[X @ v > 0]
    mean = after.means[4] * np.sign(after.means[4] @ v)
    np.testing.assert_allclose(mean, right.mean(axis=0), atol=0.01)
    scatter = after.covariance.unpack(after.scatters[4], 2)
    np.testing.assert_allclose(scatter, np.cov(right.T), atol=0.03)


@settings(max_examples=20)
@given(**cases, k=st.integers(0, 4))
def test_retirement_spreads_the_weight_by_proportion(
    seed: int, d: int, covariance: str, k: int
) -> None:
    before = parts_of(seed, d, covariance)
    after = retire(before, k)
    assert after.weights[k] == after.counts[k] == after.tenure[k] == after.ids[k] == 0
    assert abs(after.weights.sum() - 1.0) < 1e-12
    others = np.arange(5) != k
    np.testing.assert_allclose(
        after.weights[others], before.weights[others] / (1 - before.weights[k]), rtol=1e-12
    )
    np.testing.assert_array_equal(after.scatters[others], before.scatters[others])


@settings(max_examples=20)
@given(**cases, weight=st.floats(1e-6, 0.5))
def test_birth_takes_its_weight_from_the_others_by_proportion(
    seed: int, d: int, covariance: str, weight: float
) -> None:
    before = parts_of(seed, d, covariance, empty=1)
    mean, scatter = np.full(d, 7.0), np.eye(d) * 2.0
    after = birth(before, 4, weight=weight, mass=12.0, mean=mean, scatter=scatter)
    assert abs(after.weights.sum() - 1.0) < 1e-12
    np.testing.assert_allclose(after.weights[:4], before.weights[:4] * (1 - weight), rtol=1e-12)
    assert (after.weights[4], after.counts[4], after.tenure[4]) == (weight, 12.0, 12.0)
    np.testing.assert_array_equal(after.means[4], mean)
    old, new = moments(before)[0], moments(after)[0]
    np.testing.assert_allclose(new, (1 - weight) * old + weight * mean, **CLOSE)
    assert after.ids[4] not in (0, *before.ids)
    again = birth(before, 4, weight=weight, mass=12.0, mean=mean, scatter=scatter)
    assert again.ids[4] == after.ids[4]


def test_nothing_is_written_to() -> None:
    mixture = fitted(modes(150, 3), 5)
    before = state_bytes(mixture.state())
    parts = mixture.components
    split(merge(parts, 0, 1), 2, 1 if parts.weights[0] >= parts.weights[1] else 0)
    retire(parts, 3)
    assert state_bytes(mixture.state()) == before


def test_slots_that_are_full_or_empty_are_refused() -> None:
    parts = parts_of(0, 2, "full", empty=1)
    new: dict[str, Any] = {"mass": 5.0, "mean": np.zeros(2), "scatter": np.eye(2)}
    for change in (lambda: merge(parts, 0, 4), lambda: retire(parts, 4), lambda: split(parts, 4, 3),
                   lambda: retire(parts, 5), lambda: merge(parts, -1, 0)):  # fmt: skip
        with pytest.raises(ValueError, match="there is no component"):
            change()
    with pytest.raises(ValueError, match="slot 0 holds a component"):
        split(parts, 1, 0)
    with pytest.raises(ValueError, match="slot 0 holds a component"):
        birth(parts, 0, weight=0.1, **new)
    for weight in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="share in"):
            birth(parts, 4, weight=weight, **new)
    alone = retire(retire(retire(parts, 0), 1), 2)
    with pytest.raises(ValueError, match="the only one"):
        retire(alone, 3)


# ---- in a mixture ------------------------------------------------------------------------


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_a_mixture_lives_on_with_an_empty_slot(covariance: str) -> None:
    mixture = fitted(modes(300, 3), 6, covariance=covariance, weight_floor=0.05)
    mixture.components = retire(mixture.components, 2)
    mixture.learn(modes(500, 3, seed=1))
    parts = mixture.components
    assert list(parts.occupied) == [True, True, False, True, True, True]
    assert (parts.weights[2], parts.counts[2], parts.tenure[2]) == (0.0, 0.0, 0.0)
    assert abs(parts.weights.sum() - 1.0) < 1e-12
    assert not mixture.established[2]
    assert np.isfinite(mixture.score(modes(100, 3, seed=2))).all()
    restored = OnlineMixture.from_state(mixture.state())
    restored.learn(modes(50, 3, seed=3))
    mixture.learn(modes(50, 3, seed=3))
    assert state_bytes(restored.state()) == state_bytes(mixture.state())


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_compacted_components_are_the_same_in_the_first_slots(covariance: str) -> None:
    before = retire(retire(parts_of(3, 2, covariance), 0), 3)
    after = compacted(before)
    assert after.occupied.tolist() == [True, True, True, False, False]
    for name in ("ids", "weights", "counts", "tenure", "means", "scatters"):
        np.testing.assert_array_equal(getattr(after, name)[:3], getattr(before, name)[[1, 2, 4]])


def test_what_is_beyond_the_last_component_is_passed_by_and_changes_no_bit() -> None:
    few = fitted(modes(300, 3, seed=1), 3)
    wide = OnlineMixture(few.frame, 16, few.rules)
    wide._arrays["mass"][:] = few._arrays["mass"]
    three = few.components
    weights, counts, tenure = (
        np.pad(part, (0, 13)) for part in (three.weights, three.counts, three.tenure)
    )
    wide.set_statistics(
        mass=few.mass, weights=weights, counts=counts, tenure=tenure,
        means=np.pad(three.means, ((0, 13), (0, 0))),
        scatters=np.pad(few.scatters, ((0, 13), (0, 0), (0, 0))),
    )  # fmt: skip
    few.engine.factorise()
    more = modes(200, 3, seed=2)
    assert wide.score_learn(more).tobytes() == few.score_learn(more).tobytes()
    likelihood, responsibilities, distances = wide.expect(more[:1])
    assert (responsibilities[0, 3:] == 0.0).all()
    assert np.isinf(distances[0, 4:]).all()
    assert likelihood.tobytes() == few.expect(more[:1])[0].tobytes()
