"""Draws the pictures of docs/plots.md and docs/concepts.md: `make pictures`, into docs/images/.

The former show generated network flows, attacks among them, and what is learned from them.
"""

from __future__ import annotations

import io
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from PIL import Image

from streamgmm import OnlineGMM, plots
from streamgmm.batch import GaussianMixture, select_components
from streamgmm.detection import Detector
from streamgmm.io.generate import flows
from tools import concept_pictures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matplotlib.axes import Axes

    from streamgmm.io.generate import Flow

FOLDER = Path(__file__).parent.parent / "docs" / "images"
MEMBERS = ("duration", "bytes_out", "bytes_in")
NAMES = ["log10 duration (s)", "log10 bytes out", "log10 bytes in"]
MOST, COLOURS = 40_000, 200  # bytes of a picture; a larger one gets along with so many colours


def rows_of(some: Iterable[Flow]) -> np.ndarray:
    """Give flows as rows (n, 3) of logarithms."""
    return np.log10([[flow[name] + 0.001 for name in MEMBERS] for flow in some])


def learned(some: list[Flow]) -> OnlineGMM:
    """Give a model of flows, each component named after what most of its flows are."""
    model = OnlineGMM(n_components=5, shrinkage=2, correlation_shrinkage=0, structure=False)
    rows = rows_of(some)
    for row in rows.tolist():
        model.learn_one(dict(zip(NAMES, row, strict=True)))
    kinds: dict[int, Counter[str]] = {}
    for row, flow in zip(rows.tolist(), some, strict=True):
        answering = model.predict_one(dict(zip(NAMES, row, strict=True)))
        kinds.setdefault(answering, Counter())[flow["kind"]] += 1
    taken: Counter[str] = Counter()
    for component in sorted(kinds, key=lambda k: -model.weights[k]):
        kind = kinds[component].most_common(1)[0][0]
        taken[kind] += 1
        model.name_component(component, kind if taken[kind] == 1 else f"{kind} {taken[kind]}")
    return model


def draw(
    name: str, width: float, height: float, picture: Callable[[Axes], object], kind: str = "plot"
) -> None:
    """Draw one picture and keep it."""
    figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
    picture(ax)
    raw = io.BytesIO()
    figure.savefig(raw, dpi=110)
    plt.close(figure)
    path = FOLDER / f"{kind}-{name}.png"
    whole = Image.open(raw).convert("RGB")
    whole.save(path, optimize=True)
    if path.stat().st_size > MOST:
        whole.quantize(COLOURS, Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
    print(f"{path.stat().st_size / 1000:6.1f} kB  {path.name}")


def main() -> None:
    """Draw all pictures."""
    mpl.use("Agg")
    mpl.rcParams["font.size"] = 9
    usual = list(islice(flows(seed=3, attack_share=0.0), 12_000))
    some = list(islice(flows(seed=3, attack_share=0.005), 12_000))
    model, rows = learned(usual), rows_of(usual)
    plane = NAMES[1:]
    draw("ellipses", 6, 4, lambda ax: plots.plot_ellipses(model, plane, X=rows[:2_000], ax=ax))
    draw(
        "responsibilities", 6, 4,
        lambda ax: plots.plot_responsibilities(model, rows[:2_000], plane, ax=ax),
    )  # fmt: skip
    draw("summary", 7, 3.6, lambda ax: plots.plot_summary(model, ax=ax))
    draw("scores", 7.5, 2.6, lambda ax: scores(rows_of(some[:4_000]), ax))
    draw("reasons", 7.5, 2.6, lambda ax: reasons(model, some, ax))
    draw("weights", 7.5, 2.8, weights)
    draw("calibration", 5, 4, calibration)
    fit = GaussianMixture(6, init="random", tol=1e-5, max_iter=300, seed=0).fit(rows[:3_000])
    draw("convergence", 6, 3, lambda ax: plots.plot_convergence(fit, ax=ax))
    selection = select_components(rows[:1_500], range(1, 9), covariance=("full", "diag"), seed=0)
    draw("selection", 6, 3, lambda ax: selection.plot(ax=ax))
    for notion in ("score", "established", "forgetting", "p_value", "reasons"):
        name = notion.replace("_", "-")
        draw(name, 6.5, 3.4, getattr(concept_pictures, notion), kind="concept")


def scores(rows: np.ndarray, ax: Axes) -> None:
    """Draw what a detector says of the flows, once it is ready."""
    detector = Detector(len(NAMES))
    said = [(detector.threshold, detector.process(row[None, :])) for row in rows]
    threshold = np.array([level for level, _ in said])
    score = np.array([verdict.score[0] for _, verdict in said])
    ready = np.isfinite(threshold)
    plots.plot_scores(score[ready], threshold=threshold[ready], ax=ax)


def reasons(model: OnlineGMM, some: list[Flow], ax: Axes) -> None:
    """Explain the flow that carries the most out."""
    largest = max(some, key=lambda flow: flow["bytes_out"])
    event = dict(zip(NAMES, rows_of([largest])[0].tolist(), strict=True))
    plots.plot_reasons(model.explain_one(event), ax=ax)


BEHAVIOURS = {"browsing": (0.0, 0.0), "mail": (6.0, 0.0), "backup": (0.0, 7.0)}


def weights(ax: Axes) -> None:
    """Let the share of one behaviour fall and another one begin, under a short memory."""
    rng, model = np.random.default_rng(6), OnlineGMM(n_components=8, half_life=2_000)
    centres = np.array(list(BEHAVIOURS.values()))
    history, events, names = [], [], {}
    for seen in range(200, 16_001, 200):
        shares = (0.7, 0.3, 0.0) if seen <= 6_000 else (0.5, 0.1, 0.4)
        model.learn_many(centres[rng.choice(3, size=200, p=shares)] + rng.normal(size=(200, 2)))
        if not model.ready:
            continue
        ids = model.mixture.ids.tolist()
        history.append(dict(zip(ids, model.weights.tolist(), strict=True)))
        events.append(seen)
        for k in np.flatnonzero(model.weights).tolist():
            nearest = np.linalg.norm(centres - model.means[k], axis=1).argmin()
            names.setdefault(ids[k], list(BEHAVIOURS)[nearest])
    plots.plot_weights(history, times=events, names=names, ax=ax)
    ax.set_xlabel("events")


def calibration(ax: Axes) -> None:
    """Draw the p-values of flows without attacks."""
    rows = rows_of(islice(flows(seed=5, attack_share=0.0), 40_000))
    plots.plot_calibration(Detector(len(NAMES)).process(rows).p_value, ax=ax)


if __name__ == "__main__":
    main()
