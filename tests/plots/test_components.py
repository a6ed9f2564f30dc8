"""What is drawn of components: ellipses that hold what they say, colours that mix, all features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from streamgmm import GaussianMixture, GMMOutlierDetector, Mixture, OnlineGMM
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


def test_the_first_two_are_shown_unless_others_are_asked_for_whatever_their_names() -> None:
    mixture = Mixture([1.0], [[3.0, 5.0, 7.0]], [np.eye(3)], feature_names=[1, 2, 0])
    for ax in (plot_ellipses(mixture), plot_responsibilities(mixture, mixture.means)):
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("1", "2")
    ax = plot_ellipses(mixture, [0, 1])  # names go before numbers of columns
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("0", "1")


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


@pytest.mark.parametrize("estimator", [GaussianMixture(2), GMMOutlierDetector(2)])
def test_a_fitted_estimator_shows_its_mixture(estimator: Any) -> None:
    X, _ = TWO.sample(300, 0)
    with pytest.raises(TypeError, match="GaussianMixture or GMMOutlierDetector after its fit"):
        plot_ellipses(estimator)
    estimator.fit(X)
    for draw in (plot_ellipses, plot_summary):
        names = [entry.split(",")[0] for entry in entries(draw(estimator))]
        assert names == ["component 0", "component 1"]
    assert len(plot_responsibilities(estimator, X).collections[0].get_offsets()) == 300


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
    _, ax = plt.subplots()
    assert plot_summary(TWO, ax=ax) is ax
    assert entries(ax) == ["nightly, 75%", "component 0, 25%"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["size", "time"]
    nightly, usual = (
        [(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_y()) for bar in bars]
        for bars in ax.containers
    )
    means = [line.get_xdata() for line in ax.lines]
    for bars, centres in zip((nightly, usual), means, strict=True):
        for i, ((left, right, bottom), centre) in enumerate(zip(bars, centres, strict=True)):
            assert centre == pytest.approx((left + right) / 2)
            assert i - 0.5 < bottom < i + 0.5  # in its feature's row
    # size: of the usual one from 0 - 1.64 sqrt(2), of the nightly up to 9 + 1.64
    least, greatest = -1.6449 * 2.0**0.5, 9.0 + 1.6449
    assert usual[0][0] == pytest.approx(0.0)
    assert nightly[0][1] == pytest.approx(1.0)
    assert means[0][0] == pytest.approx((9.0 - least) / (greatest - least), rel=1e-4)
    assert [text.get_text() for text in ax.texts] == ["-2.33 to 10.6", "-1.64 to 6.64"]


def test_the_summary_shows_the_largest_and_is_as_high_as_it_takes() -> None:
    assert entries(plot_summary(many(11), most=3)) == [
        "component 0, 17%", "component 1, 15%", "component 2, 14%",
    ]  # fmt: skip
    few, more = (plot_summary(many(11), most=most).figure for most in (2, 8))
    assert more.get_figheight() > few.get_figheight()


def test_a_range_far_from_0_has_the_digits_that_tell_its_ends_apart() -> None:
    ax = plot_summary(Mixture([1.0], [[1.7e9]], [[[1.0]]]))
    assert ax.texts[0].get_text() == "1,699,999,998.4 to 1,700,000,001.6"


def test_a_spread_that_is_lost_in_the_mean_has_a_place_too() -> None:
    ax = plot_summary(Mixture([1.0], [[1e9]], [[[1e-20]]]))
    assert np.isfinite(ax.lines[0].get_xdata()).all()
    assert np.isfinite(ax.patches[0].get_bbox().get_points()).all()


def test_no_text_of_the_summary_lies_on_another() -> None:
    names = [f"a feature with a name that is very long, {i}" for i in range(13)]
    mixture = Mixture([0.5, 0.3, 0.2], np.arange(39.0).reshape(3, 13), [np.eye(13)] * 3, names)
    ax = plot_summary(mixture)
    ax.figure.canvas.draw()
    texts = [*ax.texts, *ax.get_yticklabels(), *ax.get_legend().get_texts()]
    boxes = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    inside = ax.figure.bbox
    assert all(inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1) for box in boxes)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plot_ellipses(TWO, ["size"]), "a plane has two"),
        (lambda: plot_ellipses(TWO.marginal(["size"])), "features are ['size']; a plane has two"),
        (lambda: plot_ellipses(TWO, ["size", "colour"]), "there is no feature 'colour'"),
        (lambda: plot_ellipses(TWO, levels=[95]), "each is a share between 0 and 1"),
        (lambda: plot_ellipses("model"), "model is of type str; give a Mixture"),
        (lambda: plot_responsibilities(TWO, np.zeros((4, 3))), "(n, 2) is needed"),
        (lambda: plot_summary(None), "model is of type NoneType"),
        (lambda: plot_summary(TWO, most=0), "most is 0; it must be a whole number, 1 or more"),
        (lambda: plot_summary(TWO, most=-1), "most is -1"),
    ],
)
def test_what_cannot_be_drawn_says_why_and_makes_no_figure(draw, words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        draw()
    assert words in str(caught.value)
    assert plt.get_fignums() == []
