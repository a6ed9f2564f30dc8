from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.mixture import Frame, OnlineMixture, Rules
from streamgmm.mixture.covariance import covariance_of
from tests.mixture.streams import COVARIANCES, UNCORRELATED


def random_covariances(rng: np.random.Generator, k: int, d: int) -> np.ndarray:
    A = rng.normal(size=(k, d, d))
    return A @ A.transpose(0, 2, 1) + 0.1 * np.eye(d)


@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 99))
def test_packing_loses_nothing_of_its_type(d: int, k: int, seed: int) -> None:
    full = random_covariances(np.random.default_rng(seed), k, d)
    for name in COVARIANCES:
        matrices = full * np.eye(d) if name in UNCORRELATED else full
        covariance = covariance_of(name)
        packed = covariance.pack(matrices)
        assert packed.shape == (k, covariance.size(d))
        np.testing.assert_array_equal(covariance.unpack(packed, d), matrices)
        np.testing.assert_array_equal(covariance.unpack_factor(packed, d), np.tril(matrices))


@pytest.mark.parametrize("rho", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("kappa", [0.0, 1.25, 75.0])
@pytest.mark.parametrize("name", COVARIANCES)
def test_the_covariance_in_force_is_as_stated(name: str, kappa: float, rho: float) -> None:
    """(w S + b T) / (w + b), correlations times 1 - rho, plus the ridge; b = kappa d / N.

    Tied is the limit of infinite b; spherical has the mean of the variances.
    """
    rng = np.random.default_rng(1)
    K, d = 6, 4
    S, w = random_covariances(rng, K, d), rng.dirichlet(np.ones(K))
    if name in UNCORRELATED:
        S = S * np.eye(d)
    frame = Frame(np.zeros(d), np.ones(d), rng.uniform(0.001, 1.0, size=d))
    rules = Rules(covariance=name, shrinkage=kappa, correlation_shrinkage=rho)
    mixture = OnlineMixture(frame, K, rules)
    mixture.set_statistics(
        mass=100.0, weights=w, counts=100 * w, means=rng.normal(size=(K, d)), scatters=S
    )
    T, b = np.einsum("k,kij->ij", w, S), kappa * d / 100.0
    assert mixture.belief == pytest.approx(b, rel=1e-15)
    for k in range(K):
        blend = T if name == "tied" else (w[k] * S[k] + b * T) / (w[k] + b)
        if name == "spherical":
            blend = np.diag(blend).mean() * np.eye(d)
        correlated = blend * np.where(np.eye(d) == 1, 1.0, 1.0 - rho)
        expected = correlated + np.diag(frame.ridge)
        np.testing.assert_allclose(mixture.covariances[k], expected, rtol=1e-12, atol=1e-14)
        # the factor is an inverse Cholesky factor: W Sigma W^T = 1, W lower triangular
        W = mixture.factors[k]
        np.testing.assert_array_equal(W, np.tril(W))
        np.testing.assert_allclose(W @ expected @ W.T, np.eye(d), atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 5, 12])
def test_ill_conditioned_covariances_are_factorised(d: int) -> None:
    """Nearly collinear features: a condition number of 1e11, all of it above the ridge."""
    rng = np.random.default_rng(d)
    Q, _ = np.linalg.qr(rng.normal(size=(d, d)))
    S = Q @ np.diag(np.geomspace(1e8, 1e-3, d)) @ Q.T
    frame = Frame(np.zeros(d), np.ones(d), np.full(d, 1e-3))
    mixture = OnlineMixture(frame, 1, Rules(shrinkage=0.0, correlation_shrinkage=0.0))
    mixture.set_statistics(
        mass=1.0, weights=np.ones(1), counts=np.ones(1), means=np.zeros((1, d)), scatters=S[None]
    )
    expected = S + 1e-3 * np.eye(d)
    log_det = 2 * np.log(np.diag(mixture.factors[0])).sum()
    np.testing.assert_allclose(-log_det, np.linalg.slogdet(expected)[1], atol=1e-3)
    np.testing.assert_allclose(mixture.covariances[0], expected, rtol=1e-6, atol=1e-6 * 1e8)


def test_an_unknown_type_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"round.*full.*tied.*diag.*spherical"):
        covariance_of("round")
