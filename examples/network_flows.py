"""Alerts with reasons on generated network flows, one event at a time.

python examples/network_flows.py
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from math import expm1, log1p
from typing import Any

from river import anomaly

from streamgmm import OnlineGMM
from streamgmm.io.generate import flows

SIZES = ("duration", "bytes_out", "bytes_in", "packets_out", "packets_in")
EVENTS, MODEL_KNOWN, QUANTILE_KNOWN, SHOWN = 20_000, 500, 4_000, 3


def features(flow: dict[str, Any]) -> dict[str, float]:
    """Sizes and durations spread over orders of magnitude: take their logarithms."""
    return {name: log1p(flow[name]) for name in SIZES}


def reasons(model: OnlineGMM, x: dict[str, float]) -> str:
    """Say in the user's units which two features are most surprising, given the others."""
    return "; ".join(
        f"{reason.feature} {expm1(reason.value):,.1f} "
        f"(expected about {max(expm1(reason.expected), 0):,.1f})"
        for reason in model.explain_one(x).reasons[:2]
    )


def main() -> None:
    """Alert on what lies above a high quantile of the scores, once the quantile is known."""
    alarm = anomaly.QuantileFilter(
        OnlineGMM(half_life="2d"), q=0.999, protect_anomaly_detector=False
    )
    model: OnlineGMM = alarm.anomaly_detector
    found: Counter[str] = Counter()
    for number, flow in enumerate(islice(flows(seed=1), EVENTS)):
        x, time = features(flow), flow["ts"]
        if number < MODEL_KNOWN:
            model.learn_one(x, t=time)
            continue
        score = alarm.score_one(x)
        if number >= QUANTILE_KNOWN and alarm.classify(score):
            if found[flow["kind"]] < SHOWN:
                print(f"{flow['kind']:>12}  {score:6,.0f} nats  {reasons(model, x)}")
            found[flow["kind"]] += 1
        alarm.learn_one(x, t=time)
    print(f"\n{found.total()} alerts in {EVENTS:,} flows: {dict(found.most_common())}")


if __name__ == "__main__":
    main()
