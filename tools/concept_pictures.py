"""The pictures of docs/concepts.md, each of one notion; `tools/pictures.py` draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from streamgmm import OnlineGMM
from streamgmm.detection import Detector
from streamgmm.plots.style import ALERT, COLOURS, GRID, INK, OTHERS, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BLUE, ORANGE, GREEN = COLOURS[:3]
CENTRES = np.array([[2.0, 3.0], [5.5, 5.0]])
SPREADS = (np.array([[0.5, 0.3], [0.0, 0.4]]), np.array([[0.6, -0.3], [0.0, 0.35]]))


def two_behaviours(rng: np.random.Generator, n: int) -> np.ndarray:
    """Give events (n, 2) of which two in three belong to the first behaviour."""
    which = (rng.random(n) > 2 / 3).astype(int)
    noise = rng.normal(size=(n, 2))
    moved = np.where(which[:, None] == 0, noise @ SPREADS[0], noise @ SPREADS[1])
    return CENTRES[which] + moved


def score(ax: Axes) -> None:
    """Draw the score over the plane of two features, and what it is of three events."""
    rng = np.random.default_rng(1)
    X = two_behaviours(rng, 6_000)
    model = OnlineGMM(n_components=4)
    model.learn_many(X)
    xs, ys = np.linspace(-0.5, 8.5, 180), np.linspace(0.5, 7.5, 140)
    plane = np.stack([axis.ravel() for axis in np.meshgrid(xs, ys)], axis=1)
    values = model.score_many(plane).reshape(len(ys), len(xs))
    levels = [-1, 2, 5, 10, 20, 40, 80]
    filled = ax.contourf(xs, ys, values, levels=levels, cmap="Blues_r", extend="both", alpha=0.85)
    ax.figure.colorbar(filled, ax=ax, label="score (nats)", pad=0.01)
    ax.scatter(*X[:500].T, s=3, color=INK, alpha=0.5, linewidths=0)
    for point in ([2.0, 3.0], [3.0, 4.4], [5.5, 1.6]):
        found = model.score_one({0: point[0], 1: point[1]})
        ax.plot(*point, "o", markersize=6, markerfacecolor=ALERT, markeredgecolor="white")
        ax.annotate(
            f"{found:.1f}", point, xytext=(8, 5), textcoords="offset points", color=INK,
            weight="bold", bbox={"facecolor": "white", "edgecolor": GRID, "pad": 2},
        )  # fmt: skip
    ax.set(xlabel="a feature", ylabel="another feature")


def established(ax: Axes) -> None:
    """Follow the score of a behaviour that is new and makes 2% of the traffic."""
    for name, colour, settings in (
        ("as by default", BLUE, {}),
        ("every component counts as normal", ORANGE, {"established": None}),
    ):
        rng = np.random.default_rng(4)
        model = OnlineGMM(n_components=8, **settings)
        model.learn_many(two_behaviours(rng, 10_000))
        usual = float(np.quantile(model.score_many(two_behaviours(rng, 4_000)), 0.999))
        seen, level = [0], [float(model.score_many(newcomer(rng, 200)).mean())]
        for _ in range(200):
            block = np.vstack([two_behaviours(rng, 980), newcomer(rng, 20)])
            model.learn_many(rng.permutation(block))
            seen.append(seen[-1] + 20)
            level.append(float(model.score_many(newcomer(rng, 200)).mean()))
        ax.plot(seen, level, color=colour, label=name)
        if not settings:
            ax.axhline(usual, color=ALERT, linestyle="--", linewidth=1)
            ax.text(4_000, usual, "one ordinary event in 1,000 scores above this ", ha="right",
                    va="bottom", color=ALERT, fontsize=8)  # fmt: skip
    ax.set(xlabel="events of the new behaviour so far", ylabel="their score (nats)", xlim=(0, 4000))
    ax.legend(frameon=False)


def newcomer(rng: np.random.Generator, n: int) -> np.ndarray:
    """Give events (n, 2) of the behaviour that is new."""
    return np.array([2.5, 6.5]) + 0.25 * rng.normal(size=(n, 2))


def forgetting(ax: Axes) -> None:
    """Let three memories follow a feature that drifts."""
    n, block = 60_000, 500
    rng = np.random.default_rng(3)
    drift = 6 * np.clip((np.arange(n) - 10_000) / 20_000, 0, 1)
    X = (10 + drift + rng.normal(size=n))[:, None]
    ax.scatter(np.arange(0, n, 40), X[::40, 0], s=3, color=OTHERS, alpha=0.5, linewidths=0)
    for name, colour, half_life in (
        ("half-life of 1,000 events", GREEN, 1_000),
        ("10,000, the default", BLUE, 10_000),
        ("nothing is forgotten", ORANGE, None),
    ):
        model = OnlineGMM(n_components=1, half_life=half_life)
        at, level = [], []
        for start in range(0, n, block):
            model.learn_many(X[start : start + block])
            if model.ready:
                at.append(start + block)
                level.append(float(model.means[0, 0]))
        ax.plot(at, level, color=colour, label=name)
    ax.set(xlabel="events", ylabel="a feature", xlim=(0, n))
    ax.legend(frameon=False, loc="lower right")


def p_value(ax: Axes) -> None:
    """Draw how often a score is exceeded, and where two budgets put the threshold."""
    rng = np.random.default_rng(5)
    detector = Detector(2)
    scores = np.sort(detector.process(two_behaviours(rng, 200_000)).score[-100_000:])
    ax.hist(scores, bins=200, color=BLUE, alpha=0.35, log=True, label="events with this score")
    ax.set(xlabel="score (nats)", ylabel="events", xlim=(-1, 16))
    chance = ax.twinx()
    share = 1 - np.arange(len(scores)) / len(scores)
    chance.semilogy(scores, share, color=BLUE, label="share of them that scores as high")
    detector.freeze()
    far = CENTRES[0] + np.linspace(1, 4, 120)[:, None] * np.array([[-0.6, 0.6]])
    said = detector.process(far)
    beyond = said.score > scores[int(0.98 * len(scores))]
    chance.semilogy(
        said.score[beyond], said.p_value[beyond], color=ALERT, linestyle="--",
        label="p-value of the strangest 2%: a fitted law",
    )  # fmt: skip
    for budget, name in ((1e-2, "1 in 100"), (1e-3, "1 in 1,000"), (1e-5, "1 in 100,000")):
        chance.axhline(budget, color=GRID, linewidth=1, zorder=0)
        chance.text(-0.9, budget, f"budget {name}", va="bottom", color=QUIET, fontsize=8)
    chance.set(ylim=(1e-6, 2), ylabel="p-value")
    handles = [*ax.get_legend_handles_labels()[0], *chance.get_legend_handles_labels()[0]]
    chance.legend(handles=handles, frameon=False, loc="upper right", fontsize=8)


def reasons(ax: Axes) -> None:
    """Mark a value that is common, but not in this company."""
    rng = np.random.default_rng(6)
    size = rng.normal(3.5, 0.6, size=8_000)
    X = np.stack([size, 0.9 * size + 0.6 + rng.normal(0, 0.12, size=len(size))], axis=1)
    names = ["log10 bytes in", "log10 bytes out"]
    model = OnlineGMM(n_components=3)
    for row in X.tolist():
        model.learn_one(dict(zip(names, row, strict=True)))
    event = dict(zip(names, (2.6, 4.2), strict=True))
    reason = next(r for r in model.explain_one(event).reasons if r.feature == names[1])
    low, high = reason.expected - 2 * reason.spread, reason.expected + 2 * reason.spread
    ax.scatter(*X[:2_000].T, s=3, color=BLUE, alpha=0.35, linewidths=0)
    ax.plot(*event.values(), "o", color=ALERT, markersize=7)
    x = event[names[0]]
    ax.plot([x, x], [low, high], color=GREEN, linewidth=4, solid_capstyle="butt")
    ax.annotate("", (x, event[names[1]]), (x, high),
                arrowprops={"arrowstyle": "->", "color": ALERT})  # fmt: skip
    ax.annotate("expected, given the bytes in", (x, reason.expected), xytext=(-6, 0),
                textcoords="offset points", ha="right", va="center", color=GREEN)  # fmt: skip
    ax.text(0.8, 5.95, f"an event: {reason}", color=ALERT, va="top")
    ax.axhspan(*np.quantile(X[:, 1], [0.025, 0.975]), color=GRID, alpha=0.5, zorder=0, linewidth=0)
    ax.text(
        5.6, np.quantile(X[:, 1], 0.025) + 0.05, "95% of the bytes out", ha="right", color=QUIET
    )
    ax.set(xlabel=names[0], ylabel=names[1], xlim=(0.6, 5.7), ylim=(1.6, 6.2))
