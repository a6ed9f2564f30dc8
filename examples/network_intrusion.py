"""Intrusions among real connections to HTTP servers, with a budget of false alarms.

The connections come with the package (KDD Cup 1999); their labels only measure. Rare ordinary ones
alert on top of the budget until they are known to recur.

    python examples/network_intrusion.py
"""

from __future__ import annotations

import argparse
from importlib.resources import files

import numpy as np
import pandas as pd

from streamgmm.detection import Budget, Detector, DetectorSettings

FIELDS = ["duration", "src_bytes", "dst_bytes"]
BLOCK = 1_000


def main() -> None:
    """Take the connections in blocks, as they would come, and alert within the budget."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--false-alarms", type=float, default=1e-3, help="share of the events")
    options = parser.parse_args()
    with files("streamgmm").joinpath("data/http.csv.gz").open("rb") as stream:
        connections = pd.read_csv(stream, compression="gzip", nrows=options.rows)
    X = np.log1p(connections[FIELDS].to_numpy(float))
    attack = connections["label"].to_numpy() == 1

    detector = Detector(len(FIELDS), DetectorSettings(budget=Budget(options.false_alarms)))
    alert, shown = np.zeros(len(X), dtype=bool), 0
    for start in range(0, len(X), BLOCK):
        verdicts = detector.process(X[start : start + BLOCK])
        alert[start : start + BLOCK] = verdicts.is_anomaly
        for row, explanation in verdicts.explanations.items():
            if attack[start + row] and shown < 3:
                shown += 1
                reason = explanation.reasons[0]
                low, high = reason.expected - 2 * reason.spread, reason.expected + 2 * reason.spread
                print(
                    f"connection {start + row:,}: {FIELDS[reason.feature]} is "
                    f"{np.expm1(reason.value):,.0f}, expected {max(np.expm1(low), 0):,.0f} to "
                    f"{np.expm1(high):,.0f} (p = {verdicts.p_value[row]:.1g})"
                )
    print(f"{len(X):,} connections, {attack.sum()} of attacks: {(alert & attack).sum()} found")
    false = (alert & ~attack).sum()
    print(f"{false} false alarms, {false / (~attack).sum():.2%} of what is normal; "
          f"the budget is {options.false_alarms:.2%}")  # fmt: skip


if __name__ == "__main__":
    main()
