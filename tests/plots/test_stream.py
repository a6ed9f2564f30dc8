"""What is drawn of a stream: its scores, alerts and threshold, and the components' shares."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import colors, dates
from matplotlib import pyplot as plt

from streamgmm.plots import plot_scores, plot_weights
from streamgmm.plots.style import ALERT, COLOURS, OTHERS

SCORES = [1.0, 2.0, 9.0, -1.5, 6.0]


def entries(ax: plt.Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_what_reaches_the_threshold_alerts() -> None:
    _, ax = plt.subplots()
    assert plot_scores(SCORES, threshold=6.0, ax=ax) is ax
    level, alerts = ax.lines
    assert level.get_ydata().tolist() == [6.0] * 5
    assert np.transpose(alerts.get_data()).tolist() == [[3.0, 9.0], [5.0, 6.0]]
    assert colors.to_hex(alerts.get_color()).upper() == ALERT
    assert entries(ax) == ["threshold", "2 alerts of 5 events"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("event", "score (nats)")


def test_each_score_is_a_line_from_the_ground() -> None:
    ax = plot_scores(SCORES)
    lines = np.array(ax.collections[0].get_segments())
    assert lines[:, 0, 0].tolist() == [1, 2, 3, 4, 5]
    assert (lines[:, 0, 1] == -1.5).all()
    assert lines[:, 1, 1].tolist() == SCORES
    assert ax.get_legend() is None  # no threshold, no alerts: nothing to tell apart


def test_of_very_many_scores_the_tallest_lines_are_drawn_and_all_alerts() -> None:
    heights = np.random.default_rng(0).exponential(size=95_003)
    heights[[7, 95_002]] = 50.0
    heights[11] = np.nan
    ax = plot_scores(heights, threshold=9.0)
    lines = np.array(ax.collections[0].get_segments())
    assert 9_000 < len(lines) <= 10_000
    drawn = lines[:, 1]
    assert (heights[drawn[:, 0].astype(int) - 1] == drawn[:, 1]).all()
    assert set(np.flatnonzero(heights >= 9.0) + 1) <= set(drawn[:, 0].astype(int)) | {
        int(x) for x in ax.lines[1].get_xdata()
    }
    assert len(ax.lines[1].get_xdata()) == (heights >= 9.0).sum()
    blocks = np.nan_to_num(heights[:95_000]).reshape(-1, 10).max(axis=1)
    assert np.array_equal(drawn[:-1, 1], blocks)


def test_alerts_may_be_said_and_the_threshold_may_move() -> None:
    levels = [5.0, 4.0, 3.0, 2.0, np.inf]
    ax = plot_scores(SCORES, threshold=levels, alerts=[False, False, True, False, False])
    level, alerts = ax.lines
    assert level.get_ydata().tolist() == levels
    assert alerts.get_xdata().tolist() == [3]
    assert entries(ax)[1] == "1 alert of 5 events"


def test_times_are_times() -> None:
    times = np.datetime64("2026-01-05T08:00") + np.arange(5).astype("timedelta64[m]")
    ax = plot_scores(SCORES, threshold=6.0, times=times)
    assert ax.get_xlabel() == "time"
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    assert low < dates.date2num(times[0]) < dates.date2num(times[-1]) < high


def test_shares_stand_one_on_the_other_and_components_come_and_go() -> None:
    history = [{7: 1.0}, {7: 0.6, 9: 0.4}, {9: 0.5, 3: 0.5}]
    _, ax = plt.subplots()
    assert plot_weights(history, times=[10, 20, 30], names={9: "backup"}, ax=ax) is ax
    largest, second, third = ax.collections

    def heights(band, at: float) -> tuple[float, float]:
        points = band.get_paths()[0].vertices
        here = points[points[:, 0] == at, 1]
        return float(here.min()), float(here.max())

    assert heights(largest, 20) == (0.0, 0.6)  # 7
    assert heights(second, 20) == (0.6, 1.0)  # backup
    assert heights(second, 30) == (0.0, 0.5)
    assert heights(third, 30) == (0.5, 1.0)  # 3
    assert entries(ax) == ["component 3", "backup", "component 7"]  # as they stand
    assert ax.get_ylim() == (0.0, 1.0)
    assert ax.get_xlim() == (10.0, 30.0)


def test_components_beyond_the_colours_are_one_band() -> None:
    n = len(COLOURS) + 4
    shares = np.arange(n, 0, -1.0) / np.arange(n, 0, -1.0).sum()
    ax = plot_weights([dict(enumerate(shares.tolist()))] * 2)
    assert len(ax.collections) == len(COLOURS) + 1
    assert entries(ax)[0] == "4 more"
    assert colors.to_hex(ax.collections[-1].get_facecolor()[0]).upper() == OTHERS


def test_empty_slots_are_no_band() -> None:
    ax = plot_weights([{5: 1.0, 0: 0.0}])
    assert entries(ax) == ["component 5"]


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: plot_scores([[1.0]]), "scores have shape (1, 1); (n,) is needed"),
        (lambda: plot_scores(SCORES, alerts=[True]), "alerts have shape (1,); (5,) is needed"),
        (lambda: plot_scores(SCORES, times=[1.0]), "times have shape (1,); (5,) is needed"),
        (lambda: plot_scores(SCORES, threshold=[1.0]), "threshold has shape (1,); one number"),
        (lambda: plot_weights([]), "history is empty"),
        (lambda: plot_weights([{}, {4: 0.0}]), "no component has a weight at any look"),
        (lambda: plot_weights([{1: 1.0}], times=[1, 2]), "(1,) is needed, one a look"),
    ],
)
def test_what_does_not_fit_is_refused(draw, words: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        draw()
    assert words in str(caught.value)
    assert plt.get_fignums() == []
