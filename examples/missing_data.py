"""A table with holes: learned as it is, and filled by what the values that are there let expect.

Measurements of tumours ship with scikit-learn; every fifth value is taken away.

    python examples/missing_data.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer

from streamgmm import OnlineGMM

FEATURES, LOST, LEARNED = 10, 0.2, 400


def main() -> None:
    """Learn rows with holes; fill those of later rows, and hold them against the truth."""
    table = load_breast_cancer(as_frame=True).data.iloc[:, :FEATURES]
    rng = np.random.default_rng(0)
    truth = table.sample(frac=1.0, random_state=0).reset_index(drop=True)
    holes = rng.random(truth.shape) < LOST
    given = truth.mask(holes)

    model = OnlineGMM(
        n_components=3, warmup=200, half_life=None, shrinkage=2, correlation_shrinkage=0
    )
    model.learn_many(given[:LEARNED])
    density = model.density
    filled = density.expect(given[LEARNED:])

    new, off = holes[LEARNED:], filled.mean - truth[LEARNED:].to_numpy()
    naive = (given[:LEARNED].mean() - truth[LEARNED:]).to_numpy()
    errors = pd.DataFrame(
        {
            "by the mean": [np.sqrt((naive[h, i] ** 2).mean()) for i, h in enumerate(new.T)],
            "given the rest": [np.sqrt((off[h, i] ** 2).mean()) for i, h in enumerate(new.T)],
        },
        index=truth.columns,
    )
    print(f"root mean squared error of {new.sum()} filled values")
    print(errors.to_string(float_format="{:.3f}".format))
    ratio = (errors["given the rest"] / errors["by the mean"]).mean()
    print(f"on average {ratio:.0%} of the error of a fill by the mean")
    within = np.abs(off[new]) < 2 * filled.spread[new]
    print(f"{within.mean():.0%} of the true values lie within two of the spreads that are told")
    complete = OnlineGMM(n_components=3, warmup=200, half_life=None).score_learn_many(truth)
    holed = OnlineGMM(n_components=3, warmup=200, half_life=None).score_learn_many(given)
    both = np.corrcoef(complete[LEARNED:], holed[LEARNED:])[0, 1]
    print(f"anomaly scores with holes and without: correlation {both:.2f}")


if __name__ == "__main__":
    main()
