"""What is drawn of components: ellipses that hold what they say, colours that mix, all features."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from streamgmm import Mixture, OnlineGMM
from streamgmm.plots import plot_ellipses, plot_responsibilities, plot_summary
from streamgmm.plots.style import ALERT, COLOURS, OTHERS

SHAPE = [[2.0, 0.8], [0.8, 1.0]]
TWO = Mixture(
    [0.25, 0.75], [[0.0, 0.0], [9.0, 5.0]], [SHAPE, np.eye(2)], ["size", "time"], [0, "nightly"]
)


def many(K: int) -> Mixture:
    weights = np.arange(K, 0, -1.0)
    means = np.column_stack([np.arange(K) * 5.0, np.zeros(K)])
    return Mixture(weights / weights.sum(), means, np.repeat(np.eye(2)[None], K, axis=0))


def entries(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_an_ellipse_holds_its_share_of_the_component() -> None:
    _, ax = plt.subplots()
    assert plot_ellipses(TWO, levels=(0.5, 0.9), ax=ax) is ax
    paths = [patch.get_path().vertices for patch in ax.patches]
    assert len(paths) == 4  # the larger component's first, smaller ellipses first
    X = np.random.default_rng(0).multivariate_normal([0.0, 0.0], SHAPE, size=20_000)
    from matplotlib.path import Path

    for vertices, level in zip(paths[2:], (0.5, 0.9), strict=True):
        assert Path(vertices).contains_points(X).mean() == pytest.approx(level, abs=0.01)
    distance = np.einsum("ni,ij,nj->n", paths[3], np.linalg.inv(SHAPE), paths[3])
    np.testing.assert_allclose(distance, -2.0 * np.log(0.1), rtol=1e-9)


def test_features_are_told_by_name_in_any_order_and_named_on_the_axes() -> None:
    ax = plot_ellipses(TWO, ["time", "size"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "size")
    means = [tuple(line.get_data()) for line in ax.lines if line.get_marker() == "o"]
    assert [(x[0], y[0]) for x, y in means] == [(5.0, 9.0), (0.0, 0.0)]
    assert entries(ax) == ["nightly, 75%", "component 0, 25%"]


def test_events_lie_behind_in_the_two_features_shown() -> None:
    X = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    ax = plot_ellipses(TWO, ["time", "size"], X=X)
    dots = ax.lines[0]
    np.testing.assert_array_equal(dots.get_xdata(), X[:, 1])
    np.testing.assert_array_equal(dots.get_ydata(), X[:, 0])
    assert dots.get_zorder() < min(patch.get_zorder() for patch in ax.patches)


def test_a_model_shows_its_names_and_no_empty_slots() -> None:
    model = OnlineGMM(n_components=6)
    model.learn_many(np.concatenate([TWO.sample(600, 0)[0], TWO.sample(600, 1)[0]]))
    present = int((model.weights > 0).sum())
    assert present < 6
    model.name_component(int(model.weights.argmax()), "busy")
    ax = plot_ellipses(model)
    assert len(entries(ax)) == present
    assert entries(ax)[0].startswith("busy, ")


def test_components_beyond_the_colours_are_grey_and_counted() -> None:
    ax = plot_ellipses(many(11))
    assert len(entries(ax)) == len(COLOURS) + 1
    assert entries(ax)[-1] == "3 more, 9.1%"  # (3 + 2 + 1) / 66
    drawn = [colors.to_hex(patch.get_facecolor()).upper() for patch in ax.patches[::2]]
    assert drawn == [*COLOURS, OTHERS, OTHERS, OTHERS]
    assert ALERT not in COLOURS


def test_colours_mix_by_responsibility() -> None:
    X = np.array([[-3.0, 0.0], [5.0, 0.0], [2.5, 1.0], [1.9, 3.0]])
    mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [5.0, 0.0]], [np.eye(2), np.eye(2)])
    ax = plot_responsibilities(mixture, X)
    dots = ax.collections[0]
    np.testing.assert_array_equal(dots.get_offsets(), X)
    first, second = (np.array(colors.to_rgb(colour)) for colour in COLOURS[:2])
    shares = mixture.responsibilities(X)
    due = shares[:, :1] * first + shares[:, 1:] * second
    np.testing.assert_allclose(dots.get_facecolors()[:, :3], due, atol=1e-9)
    np.testing.assert_allclose(dots.get_facecolors()[2, :3], (first + second) / 2)
    assert entries(ax) == ["component 0", "component 1"]


def test_the_summary_has_each_components_range_where_it_belongs() -> None:
    ax = plot_summary(TWO)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["nightly, 75%", "component 0, 25%"]
    assert ax.get_xlim() == (0.0, 2.0)
    bars = [line.get_xdata() for line in ax.lines[::2]]
    means = [line.get_xdata()[0] for line in ax.lines[1::2]]
    for bar, mean in zip(bars, means, strict=True):
        assert bar[0] < mean < bar[1]
        assert mean == pytest.approx(np.mean(bar))
    (nightly_size, usual_size), (nightly_time, usual_time) = means[:2], means[2:]
    assert 0.0 < usual_size < nightly_size < 1.0 < usual_time < nightly_time < 2.0
    # the scale of the first column: from the lowest end to the highest
    ends = [text.get_text() for text in ax.texts if text.get_fontsize() < 9.5][:2]
    assert [float(end) for end in ends] == pytest.approx(
        [-1.6449 * 2.0**0.5, 9.0 + 1.6449], rel=1e-2
    )


def test_the_summary_shows_the_largest_and_runs_downwards() -> None:
    ax = plot_summary(many(11), most=3)
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "component 0, 17%", "component 1, 15%", "component 2, 14%",
    ]  # fmt: skip
    bottom, top = ax.get_ylim()
    assert bottom > top


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plot_ellipses(TWO, ["size"]), "a plane has two"),
        (lambda: plot_ellipses(TWO, ["size", "colour"]), "there is no feature 'colour'"),
        (lambda: plot_ellipses(TWO, levels=[95]), "each is a share between 0 and 1"),
        (lambda: plot_ellipses("model"), "model is of type str; give a Mixture"),
        (lambda: plot_responsibilities(TWO, np.zeros((4, 3))), "(n, 2) is needed"),
        (lambda: plot_summary(None), "model is of type NoneType"),
    ],
)
def test_what_cannot_be_drawn_says_why_and_makes_no_figure(draw, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        draw()
    assert words in str(caught.value)
    assert plt.get_fignums() == []
