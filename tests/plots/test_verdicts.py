"""What is drawn of p-values, reasons and fits."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from streamgmm import OnlineGMM
from streamgmm.batch import GaussianMixture
from streamgmm.plots import plot_calibration, plot_convergence, plot_reasons
from streamgmm.plots.style import ALERT, OTHERS


def explained() -> object:
    rng, model = np.random.default_rng(0), OnlineGMM(n_components=1)
    size = rng.normal(size=1_000)
    for x in size.tolist():
        model.learn_one({"size": x, "time": x + rng.normal(0, 0.3), "port": rng.normal()})
    model.name_component(0, "office")
    return model.explain_one({"size": 12.0, "time": 12.0, "port": 0.5})


# ---- calibration ---------------------------------------------------------------------------------


def test_the_observed_share_stands_over_each_p_value() -> None:
    found = np.array([0.001, 0.02, 0.3, 0.3, np.nan])
    _, ax = plt.subplots()
    assert plot_calibration(found, ax=ax) is ax
    promised, observed = ax.lines
    assert np.array_equal(*promised.get_data())
    x, y = observed.get_data()
    due = np.array([(found[:4] <= one).mean() for one in x])
    np.testing.assert_array_equal(np.nan_to_num(y), due)
    assert "observed in 4 events" in [text.get_text() for text in ax.get_legend().get_texts()]


def test_the_band_holds_p_values_that_keep_their_word_and_no_others() -> None:
    p_values = np.random.default_rng(1).uniform(size=20_000)

    def outside(found: np.ndarray) -> float:
        ax = plot_calibration(found)
        x, y = ax.lines[1].get_data()
        band = ax.collections[0].get_paths()[0].vertices
        low, high = (
            np.array([pick(band[np.isclose(band[:, 0], one, rtol=1e-12), 1]) for one in x])
            for pick in (np.min, np.max)
        )
        seen = ~np.isnan(y)
        return float(((y < low) | (y > high))[seen].mean())

    assert outside(p_values) < 0.25  # neighbours go together
    assert outside(p_values**1.3) > 0.5  # too many low ones
    assert outside(p_values**0.8) > 0.5


def test_p_values_are_checked() -> None:
    for wrong in ([], [np.nan], [0.5, 1.5], [-0.1]):
        with pytest.raises(ValueError, match=r"p_values hold none, or some outside \[0, 1\]"):
            plot_calibration(wrong)


# ---- reasons -------------------------------------------------------------------------------------


def test_bars_are_the_shares_and_what_matters_is_the_colour_of_alerts() -> None:
    explanation = explained()
    _, ax = plt.subplots()
    assert plot_reasons(explanation, ax=ax) is ax
    assert [bar.get_width() for bar in ax.patches] == [r.share for r in explanation.reasons]
    assert sum(bar.get_width() for bar in ax.patches) == pytest.approx(1.0)
    drawn = [colors.to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    main = len(explanation.main)
    assert 0 < main < 3
    assert drawn == [ALERT] * main + [OTHERS] * (3 - main)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == [reason.feature for reason in explanation.reasons]
    assert ax.get_title(loc="left").endswith("standard deviations from component 0 (office)")


def test_each_bar_says_what_its_reason_does_and_the_first_is_on_top() -> None:
    explanation = explained()
    ax = plot_reasons(explanation, most=2)
    texts = [text.get_text() for text in ax.texts]
    assert [f"{r.feature} {text}" for r, text in zip(explanation.reasons, texts, strict=False)] == [
        str(reason) for reason in explanation.reasons[:2]
    ]
    bottom, top = ax.get_ylim()
    assert bottom > top
    ax.figure.canvas.draw()  # texts stand above their bars and below the others
    boxes = [text.get_window_extent() for text in ax.texts]
    bars = [bar.get_window_extent() for bar in ax.patches]
    assert all(box.y0 >= bar.y1 for box, bar in zip(boxes, bars, strict=True))
    assert boxes[1].y1 <= bars[0].y0


def test_an_event_of_which_nothing_is_known_has_no_picture() -> None:
    model = OnlineGMM(n_components=1)
    model.learn_many(np.random.default_rng(0).normal(size=(200, 1)))
    with pytest.raises(ValueError, match="nothing of the event was observed"):
        plot_reasons(model.explain_one({}))
    with pytest.raises(ValueError, match="most is 0; it must be a whole number"):
        plot_reasons(model.explain_one({0: 3.0}), most=0)


# ---- convergence ---------------------------------------------------------------------------------


def test_a_fits_bounds_are_drawn_round_by_round() -> None:
    X = np.random.default_rng(2).normal(size=(300, 2))
    fit = GaussianMixture(2, seed=0).fit(X)
    _, ax = plt.subplots()
    assert plot_convergence(fit, ax=ax) is ax
    line = ax.lines[0]
    assert line.get_ydata().tolist() == list(fit.lower_bounds_)
    assert line.get_xdata().tolist() == list(range(1, len(fit.lower_bounds_) + 1))
    assert f"after {len(fit.lower_bounds_)} round" in ax.texts[0].get_text()
    assert ax.get_ylim()[1] > max(fit.lower_bounds_)


def test_numbers_do_as_well_and_rounds_are_whole() -> None:
    ax = plot_convergence([-3.0, -2.0])
    assert ax.texts[0].get_text() == "-2 after 2 rounds"
    ax.figure.canvas.draw()
    assert all(float(tick).is_integer() for tick in ax.get_xticks())
    with pytest.raises(ValueError, match="give a fitted GaussianMixture, or one number a round"):
        plot_convergence([])
    with pytest.raises(ValueError, match="give a fitted GaussianMixture, or one number a round"):
        plot_convergence(GaussianMixture())
