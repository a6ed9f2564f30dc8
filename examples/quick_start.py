"""Rare states of a space shuttle's radiators, found without their labels.

The data (UCI Statlog Shuttle, nine sensors) are bundled with river; labels only measure.

    python examples/quick_start.py
"""

from __future__ import annotations

from itertools import islice

from river import compose, metrics, stream
from river.datasets import Shuttle

from streamgmm import OnlineGMM

EVENTS = 10_000


def why(model: OnlineGMM, x: dict[str, float]) -> str:
    """Name the feature that fits the others least."""
    reason = model.explain_one(x).reasons[0]
    low, high = reason.expected - 2 * reason.spread, reason.expected + 2 * reason.spread
    return f"{reason.feature} is {reason.value:g}, expected {low:.0f} to {high:.0f}"


def main() -> None:
    """Score each event, then learn it; count how well the scores tell anomalies apart."""
    model = OnlineGMM()
    # Any river pipeline may come before it; here the first sensor, a clock, is left out.
    pipeline = compose.Discard("f1") | model
    roc_auc = metrics.RollingROCAUC(window_size=EVENTS)
    strange: list[tuple[float, int, str]] = []
    events = islice(stream.shuffle(Shuttle(), buffer_size=5_000, seed=1), EVENTS)
    for number, (x, is_anomaly) in enumerate(events):
        score = pipeline.score_one(x)
        if model.ready:
            roc_auc.update(is_anomaly, score)
            if score > 1_000:
                # Before it is learned: by the model that scored it.
                strange.append((score, number, why(model, pipeline.transform_one(x))))
        pipeline.learn_one(x)

    print(f"{model.n_seen:,} events, ROC-AUC {roc_auc.get():.3f}")
    for score, number, reason in sorted(strange, reverse=True)[:5]:
        print(f"  event {number:>5,}: {score:9,.0f} nats; {reason}")
    print("\nthe largest component:")
    print("component " + model.summary().split("component ")[1].rstrip())


if __name__ == "__main__":
    main()
