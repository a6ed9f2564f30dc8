"""A data frame in one go: strange hours of a bicycle hire that are strange only in combination.

python examples/data_frame.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from streamgmm import OnlineGMM


def hires(hours: int = 5_000, seed: int = 0) -> pd.DataFrame:
    """Return made-up hires by the hour: warm and dry hours have more of them."""
    rng = np.random.default_rng(seed)
    time = pd.date_range("2026-01-01", periods=hours, freq="h")
    temperature = 12 + 10 * np.sin(2 * np.pi * np.arange(hours) / 8766) + rng.normal(0, 3, hours)
    rain = rng.random(hours) < 0.2
    hired = np.exp(3 + 0.08 * temperature - 1.2 * rain + rng.normal(0, 0.2, hours))
    frame = pd.DataFrame(
        {"time": time, "temperature": temperature, "rain": rain, "log_hired": np.log1p(hired)}
    )
    # A common temperature and a common number of hires, but not together; and no rain gauge.
    frame.loc[4_000, ["temperature", "log_hired"]] = [2.0, np.log1p(120.0)]
    frame["rain"] = frame["rain"].astype(float)
    frame.loc[4_001:4_100, "rain"] = np.nan
    return frame


def main() -> None:
    """Score every row by what came before it, and show the strangest ones."""
    frame = hires()
    # Hours of rain are fewer than dry ones, but nothing strange: every component counts.
    model = OnlineGMM(n_components=4, half_life="90d", established=None)
    columns = ["temperature", "rain", "log_hired"]
    frame["score"] = model.score_learn_many(frame[columns], t=frame["time"])
    print(frame.iloc[500:].nlargest(5, "score").to_string(float_format="{:.2f}".format))

    strange = frame.loc[4_000, columns].to_dict()
    print("\nwhat does not fit in row 4000, given the rest:")
    for reason in model.explain_one(strange).reasons:
        print(f"  {reason.feature:<12} {reason.value:6.2f}, expected {reason.expected:6.2f}")


if __name__ == "__main__":
    main()
