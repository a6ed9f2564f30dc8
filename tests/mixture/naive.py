"""The mixture's recursion once more, written from the formulas alone: slow, plain, unpacked.

One event at a time, full matrices, numpy.linalg and scipy. It shares no code with the package and
only reads the rules' parameters. All sums are done in frame units z = (x - location) / scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, log_ndtr, logsumexp

from streamgmm.mixture import HalfLife, OnlineMixture, PowerLaw, Rules, Stationary

Array = NDArray[np.float64]

GRADED = np.exp(np.linspace(math.log(0.2), math.log(0.5), 8))
TENURE = 3_600.0
REACH, VICINITY = 5.0, 0.7
TENURE_MEMORY = 144_270.0


def log_chi_squared_tail(m2: float, d: int) -> float:
    """Return log Q(d / 2, m2 / 2) by its finite sum, however far out (scipy's underflows).

    Q(a + 1, x) = Q(a, x) + x^a e^-x / Gamma(a + 1); Q(1, x) = e^-x, Q(1/2, x) = erfc(sqrt(x)).
    """
    x = m2 / 2.0
    if x == 0.0 or d == 0:
        return 0.0
    a, terms = (1.0, [-x]) if d % 2 == 0 else (0.5, [math.log(2.0) + log_ndtr(-math.sqrt(2 * x))])
    while a < d / 2:
        terms.append(a * math.log(x) - x - gammaln(a + 1))
        a += 1
    return float(logsumexp(terms))


def as_far(m2: float, o: float, d: float) -> float:
    """Return m^2 with d degrees of freedom that is as unlikely as m2 with o (Wilson-Hilferty).

    Far out, where that would fall short, what m^2 has more at the middle of the two distributions.
    """
    o, d = max(o, 0.5), max(o, 0.5) + d - o
    v_o, v_d = 2 / (9 * o), 2 / (9 * d)
    deviate = ((m2 / o) ** (1 / 3) - (1 - v_o)) / math.sqrt(v_o)
    equal = d * max(1 - v_d + deviate * math.sqrt(v_d), 0.0) ** 3
    middle = d * (1 - v_d) ** 3 - o * (1 - v_o) ** 3
    return max(equal, m2 + middle) if deviate > 0 else equal


@dataclass
class Naive:
    """N, w, n and tenure (K,), mu (K, d) and S (K, d, d), and the rules that move them."""

    rules: Rules
    location: Array
    scale: Array
    ridge: Array
    mass: float
    w: Array
    n: Array
    tenure: Array
    mu: Array
    S: Array
    least_mass: float = 0.0
    clock: float = math.nan
    Sigma: Array = field(init=False)

    def __post_init__(self) -> None:
        self.Sigma = self.covariances()

    @property
    def K(self) -> int:  # noqa: N802
        return len(self.w)

    @property
    def d(self) -> int:
        return len(self.location)

    # ---- covariance in force -------------------------------------------------------------

    def belief(self) -> float:
        """Return the share of the N events that kappa events a feature are (N: one at least)."""
        return self.rules.shrinkage * self.d / max(self.mass, 1.0)

    def covariances(self) -> Array:
        """Sigma_k = shrink_rho[(w_k S_k + b T) / (w_k + b)] + diag(ridge), b = kappa d / N.

        Tied: b is infinite. Diag: rho is 1. Spherical: that, and variances are averaged.
        """
        T = sum(self.w[k] * self.S[k] for k in range(self.K))
        tied = self.rules.covariance == "tied"
        return np.array(
            [
                self.in_force(T if tied else own * S + (1.0 - own) * T)
                for own, S in zip(self.own_shares(), self.S, strict=True)
            ]
        )

    def own_shares(self) -> Array:
        """Return w / (w + b), and n / (n + d) of what was accepted where that is more, (K,)."""
        own = self.w / np.maximum(self.w + self.belief(), 1e-300)
        by_itself = self.n / (self.n + self.d) * (self.rules.shrinkage > 0.0)
        return np.where(np.isinf(self.tenure), np.maximum(own, by_itself), own)

    def in_force(self, blend: Array) -> Array:
        """Return what a scatter is as a covariance of the type there is."""
        diagonal = np.diag(np.diag(blend))
        off = (1.0 - self.rules.correlation_shrinkage) * (blend - diagonal)
        if self.rules.covariance in ("diag", "spherical"):
            off = np.zeros_like(blend)
        if self.rules.covariance == "spherical":
            diagonal = np.diag(blend).mean() * np.eye(self.d)
        return diagonal + off + np.diag(self.ridge)

    def freedom(self, k: int, columns: Array) -> float:
        """Return the mean m^2 over columns (d,) of what k explained: (n tr + d o) / (n + d)."""
        Sigma, S = (M[k][np.ix_(columns, columns)] for M in (self.Sigma, self.S))
        trace, o = float(np.trace(np.linalg.solve(Sigma, S))), int(columns.sum())
        return float((self.n[k] * trace + self.d * o) / (self.n[k] + self.d))

    # ---- E step --------------------------------------------------------------------------

    def to_frame(self, x: Array) -> Array:
        z = (x - self.location) / self.scale
        size = np.maximum(np.abs(z), REACH)
        return np.where(np.abs(z) > REACH, np.sign(z) * REACH * (1 + np.log(size / REACH)), z)

    def log_densities(self, z: Array) -> Array:
        """Return log N(z_o; mu_k,o, Sigma_k,oo), (K,)."""
        o = ~np.isnan(z)
        log_det = np.linalg.slogdet(self.Sigma[:, o][:, :, o])[1]
        return -0.5 * (o.sum() * math.log(2 * math.pi) + log_det + self.distances(z))

    def distances(self, z: Array) -> Array:
        """Return m_k^2 over what is observed, (K,)."""
        o = ~np.isnan(z)
        delta = z[o] - self.mu[:, o]
        solved = np.linalg.solve(self.Sigma[:, o][:, :, o], delta[:, :, None])
        return np.einsum("ki,ki->k", delta, solved[:, :, 0])

    def responsibilities(self, z: Array) -> Array:
        joint = np.log(self.w) + self.log_densities(z)
        return np.exp(joint - logsumexp(joint))

    def fill(self, z: Array) -> tuple[Array, Array]:
        """Return z (K, d) with E[z_m | z_o; k] in place of what is missing, and C (K, d, d).

        By the Schur complement of Sigma_oo, not by the precision matrix. C is 0 outside (m, m).
        """
        m = np.isnan(z)
        o = ~m
        filled, C = np.tile(z, (self.K, 1)), np.zeros((self.K, self.d, self.d))
        if m.any():
            Sigma_mo = self.Sigma[:, m][:, :, o]
            gain = Sigma_mo @ np.linalg.inv(self.Sigma[:, o][:, :, o])
            filled[:, m] = self.mu[:, m] + np.einsum("kmo,ko->km", gain, z[o] - self.mu[:, o])
            block = self.Sigma[:, m][:, :, m] - gain @ Sigma_mo.transpose(0, 2, 1)
            C[np.ix_(np.arange(self.K), m, m)] = block
        return filled, C

    # ---- score ---------------------------------------------------------------------------

    def thresholds(self) -> Array:
        established = self.rules.established
        if established is None or self.rules.score == "nll_full":
            return np.zeros(1)
        return GRADED if established == "graded" else np.array([float(established)])

    def score(self, x: Array) -> float:
        z = self.to_frame(x)
        observed, d = ~np.isnan(z), self.d
        # dx / dz is the scale and, on the logarithmic part, grows with the distance
        log_scale = np.log(self.scale) + np.maximum(np.abs(np.nan_to_num(z)) / REACH - 1.0, 0.0)
        distances, farther = self.distances(z), 0.0
        if self.rules.score == "nll_observed":
            level, log_scale = self.log_densities(z), log_scale[observed]
        else:
            if not observed.all():  # the complete event that the most responsible one expects
                k = int(np.argmax(self.responsibilities(z)))
                seen, in_all = self.freedom(k, observed), self.freedom(k, np.ones(d, dtype=bool))
                m2 = as_far(distances[k], seen, in_all) if observed.any() else in_all
                farther = m2 - distances[k]
                z = self.fill(z)[0][k]
                distances = self.distances(z) + farther
            level = self.log_densities(z) - farther / 2
        if self.rules.score == "tail":
            level = np.array([log_chi_squared_tail(m2, d) for m2 in distances])
            log_scale = np.zeros(0)
        scores = [-self._log_sum(level, c) for c in self.thresholds()]
        return float(np.mean(scores)) + float(log_scale.sum())

    def traffic(self) -> Array:
        """Return the traffic in each component's vicinity, relative to the busiest, (K,)."""
        traffic = self.near() @ self.w
        return traffic / traffic.max()

    def experience(self) -> Array:
        """Return the events explained in each vicinity, relative to enough, (K,)."""
        accepted = np.isinf(self.tenure)
        events = self.near() @ np.where(accepted, 0.0, self.tenure)
        return np.where(accepted, np.inf, events) / TENURE

    def near(self) -> Array:
        """Return how much component j counts for k, (K, K)."""
        T = sum(self.w[k] * self.S[k] for k in range(self.K))
        gap = self.mu[:, None, :] - self.mu[None, :, :]
        precision = np.linalg.inv(self.in_force(T))
        m2 = np.einsum("kji,il,kjl->kj", gap, precision, gap)
        return np.exp(-m2 / (2 * self.d * VICINITY**2))

    def _log_sum(self, level: Array, c: float) -> float:
        busy, experienced = self.traffic() >= c, self.experience() >= c
        # by experience: with no less than the least weight that would do
        weight = np.where(experienced, np.maximum(self.w, c * self.w.max()), self.w)
        counted = busy | experienced
        return float(logsumexp(level[counted], b=weight[counted]))

    # ---- M step --------------------------------------------------------------------------

    def learn(self, x: Array, u: float = 1.0, t: float = math.nan) -> None:
        z = self.to_frame(x)
        o = ~np.isnan(z)
        if u == 0.0 or not o.any():
            return
        r = self.responsibilities(z)
        m2 = self.distances(z)
        g, eta = self._steps(u, r, t)
        forgets = isinstance(self.rules.forgetting, HalfLife)
        self.tenure = self.tenure * (1.0 - 1.0 / TENURE_MEMORY if forgets else 1.0) + r

        f = self.rules.weight_floor
        self.w = (1.0 - g) * self.w + g * ((1.0 - f) * r + f / self.K)
        nu = self.rules.influence
        if math.isfinite(nu):
            eta = eta * np.minimum(1.0, (nu + o.sum()) / (nu + m2))
        filled, C = self.fill(z)
        for k in range(self.K):
            delta = filled[k] - self.mu[k]
            self.mu[k] = self.mu[k] + eta[k] * delta
            outer = np.outer(delta, delta)
            # S is Sigma without the ridge, and so is what it takes in for the missing columns
            unseen = C[k] - np.diag(np.where(np.isnan(x), self.ridge, 0.0))
            self.S[k] = (1 - eta[k]) * (self.S[k] + eta[k] * outer) + eta[k] * unseen
        self.Sigma = self.covariances()

    def _steps(self, u: float, r: Array, t: float) -> tuple[float, Array]:
        """Move N and n_k on; return g and eta_k before the influence is bounded."""
        law = self.rules.forgetting
        if isinstance(law, PowerLaw):
            self.mass += u
            self.n = self.n + u * r
            return min(1.0, u / self.mass**law.alpha), np.minimum(1.0, u * r / self.n**law.alpha)
        if isinstance(law, Stationary):
            self.mass += u
            self.n = self.n + u * r
        elif isinstance(law, HalfLife) and law.seconds is not None:
            dt = max(t - self.clock, 0.0) if not math.isnan(t) else 0.0
            dt = 0.0 if math.isnan(dt) else dt
            self.clock = float(np.fmax(self.clock, t))
            self.mass = max(2.0 ** (-dt / law.seconds) * self.mass, self.least_mass) + u
            self.n = np.minimum(self.n + u * r, self.mass)
        elif isinstance(law, HalfLife) and law.events is not None:
            own = np.full(self.K, u) if law.clock == "common" else u * r
            self.mass = 2.0 ** (-u / law.events) * self.mass + u
            self.n = 2.0 ** (-own / law.events) * self.n + u * r
        return u / self.mass, u * r / self.n

    def score_learn(self, X: Array, weight: Array, time: Array) -> Array:
        scores = np.full(len(X), np.nan)
        for i, x in enumerate(X):
            if not np.isnan(x).all():
                scores[i] = self.score(x)
            self.learn(x, float(weight[i]), float(time[i]))
        return scores


def naive_copy(mixture: OnlineMixture) -> Naive:
    """Return the naive mixture that stands where ``mixture`` does."""
    frame = mixture.frame
    state = mixture.state()
    return Naive(
        rules=mixture.rules,
        location=frame.location.copy(),
        scale=frame.scale.copy(),
        ridge=frame.ridge.copy(),
        mass=mixture.mass,
        w=mixture.weights,
        n=mixture.counts,
        tenure=mixture.tenure,
        mu=frame.to_frame(mixture.means),
        S=mixture.scatters,
        least_mass=float(state["mass"][1]),
        clock=float(state["mass"][2]),
    )
