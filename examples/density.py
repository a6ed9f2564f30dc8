"""The density of a stream: what fits it, what goes with what, and more of the same.

Banana-shaped clouds of points ship with river: no single Gaussian describes them.

    python examples/density.py
"""

from __future__ import annotations

import numpy as np
from river.datasets import Bananas
from scipy.stats import gaussian_kde, ks_2samp, multivariate_normal

from streamgmm import OnlineGMM

LEARNED = 4_000


def main() -> None:
    """Learn most of the points one by one; ask of the rest what the density is worth."""
    points = np.array([list(x.values()) for x, _ in Bananas()], dtype=float)
    points = np.random.default_rng(0).permutation(points)
    seen, rest = points[:LEARNED], points[LEARNED:]
    # As a density, not as a detector: nothing drawn together, held back, forgotten or merged.
    model = OnlineGMM(
        n_components=16, half_life=None, shrinkage=2, correlation_shrinkage=0, gate=None,
        structure=False,
    )  # fmt: skip
    for x, y in seen.tolist():
        model.learn_one({"x": x, "y": y})
    density = model.density

    one = multivariate_normal(seen.mean(axis=0), np.cov(seen.T))
    print(f"mean log-density of {len(rest):,} points that were not learned, in nats")
    print(f"  one Gaussian            {one.logpdf(rest).mean():6.3f}")
    print(f"  mixture, one pass       {density.logpdf(rest).mean():6.3f}")
    print(f"  kernels, all {len(seen):,} kept {gaussian_kde(seen.T).logpdf(rest.T).mean():6.3f}")

    for x in (-1.0, 1.0):
        given = density.conditional({"x": x})
        near = rest[np.abs(rest[:, 0] - x) < 0.1, 1]
        low, high = np.quantile(given.sample(10_000, 0)[0], [0.1, 0.9])
        share = np.mean((low <= near) & (near <= high))
        print(f"where x is {x:4.1f}, y is {low:5.2f} to {high:5.2f} for 80% of the points; "
              f"so it is for {share:.0%} of {len(near)}")  # fmt: skip

    drawn, _ = density.sample(len(rest), 0)
    for i, name in enumerate(density.feature_names):
        apart = ks_2samp(drawn[:, i], rest[:, i]).statistic
        print(
            f"{name} of {len(drawn):,} points that were drawn: distance from the real {apart:.3f}"
        )


if __name__ == "__main__":
    main()
