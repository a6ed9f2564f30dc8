"""The preset for card authorisations: what it reads, and which frauds it finds."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.cli import main
from streamgmm.config import Config, load_preset
from streamgmm.service.quality import roc_auc
from tests.cards import authorisations
from tests.replays import alerts, replayed, scores

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@cache
def preset() -> Config:
    return load_preset("card", env={}, changes={"events": {"label": "label"}})


@cache
def sample() -> tuple[dict[str, Any], ...]:
    return tuple(authorisations(16_000, seed=1, cards=320))


def test_check_accepts_it(pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> None:
    path: Path = pytestconfig.rootpath / "config" / "card.toml"
    assert main(["check", str(path)]) == 0
    assert 'cycles = ["day"]' in capsys.readouterr().out


def test_every_member_of_a_message_is_read() -> None:
    _, (outputs,) = replayed(preset(), [sample()[0]])
    assert not outputs.dead_letters
    assert outputs.batch.keys == [sample()[0]["card"]]
    assert not np.isnan(outputs.batch.X).any()
    schema = preset().schema()
    column = dict(zip((field.name for field in schema.fields), schema.offsets, strict=True))
    assert outputs.batch.X[0, column["amount"]] == np.log1p(sample()[0]["amount"])
    assert set(column) == {"amount", "mcc", "country", "entry_mode", "time_of_day"}


def test_frauds_that_are_unlike_their_card_are_found() -> None:
    found, blocks = replayed(preset(), sample())
    assert not found.dead_letters
    truth, score = found.truth(), found.score()  # from the end of warm-up on
    kind = np.array([one["kind"] for one in sample()])[-len(truth) :]
    unlike = truth & (kind != "stolen")
    assert unlike.sum() > 50
    assert roc_auc(truth[unlike | ~truth], score[unlike | ~truth]) > 0.98
    alerted = np.concatenate([block.verdicts.is_anomaly for block in blocks])[-len(truth) :]
    assert (alerted & unlike).sum() > 0.85 * unlike.sum()
    days = len(sample()) / 320 / 4
    assert (alerted & ~truth).sum() < 1.5 * 50 * days, "the budget is 50 a day"
    told = [one for one in alerts(blocks) if one["event"]["label"]]
    assert any("of this card: never" in reason["text"] for one in told for reason in one["reasons"])
    assert all(one["key"] == one["event"]["card"] for one in told)


def test_what_is_common_for_all_can_be_strange_for_a_card() -> None:
    """One habit in two: every card is read in one way only, half of the cards in each."""
    modes = {"tok_000001": "810", "tok_000002": "051"}
    rng = np.random.default_rng(1)
    message = {"mcc": "5411", "country": "DE", "amount": 20.0}
    events = []
    for i in range(3000):
        card = f"tok_{rng.integers(1, 3):06d}"
        at = 1_767_600_000 + 600 * i
        amount = round(float(rng.lognormal(3, 0.5)), 2)
        more = {"card": card, "transmitted_at": at, "entry_mode": modes[card], "amount": amount}
        events.append(message | more)
    swapped = events[-1] | {"card": "tok_000001", "entry_mode": "051"}
    usual = swapped | {"entry_mode": "810"}
    _, blocks = replayed(preset(), [*events, swapped])
    _, same = replayed(preset(), [*events, usual])
    before = scores(blocks)[1000:-1]
    assert scores(blocks)[-1] > before.max()
    assert scores(same)[-1] < np.quantile(before, 0.99)
