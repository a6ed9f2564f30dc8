"""The preset for card authorisations: what it reads, and which frauds it finds."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.cli import main
from streamgmm.config import Config, load_preset
from streamgmm.io.authorisations import authorisations
from tests.replays import alerts, replayed, scores

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


@cache
def preset() -> Config:
    return load_preset("transactions", env={}, changes={"events": {"label": "label"}})


@cache
def sample() -> tuple[dict[str, Any], ...]:
    return tuple(islice(authorisations(seed=3), 12_000))


def test_check_accepts_it(pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> None:
    path: Path = pytestconfig.rootpath / "config" / "transactions.toml"
    assert main(["check", str(path)]) == 0
    assert 'cycles = ["day"]' in capsys.readouterr().out


def test_every_member_of_an_authorisation_is_read() -> None:
    _, (outputs,) = replayed(preset(), [sample()[0]])
    assert not outputs.dead_letters
    assert outputs.batch.keys == [sample()[0]["card"]]
    schema = preset().schema()
    column = dict(zip((field.name for field in schema.fields), schema.offsets, strict=True))
    assert outputs.batch.X[0, column["amount"]] == np.log1p(sample()[0]["amount"])
    read = {"amount", "mcc", "country", "entry_mode", "time_of_day"}
    histories = {"amount_against_usual", "since_last", "uses_1h"}
    assert set(column) == read | histories
    unknown = {name for name, at in column.items() if np.isnan(outputs.batch.X[0, at])}
    assert unknown == {"amount_against_usual", "since_last"}, "a card's first payment"


def test_what_is_alerted_says_what_the_card_did_before() -> None:
    _, blocks = replayed(preset(), sample())
    told = [one for one in alerts(blocks) if one["event"]["label"]]
    assert all(one["key"] == one["event"]["card"] for one in told)
    texts = [reason["text"] for one in told for reason in one["reasons"]]
    assert any("of this card: never" in text for text in texts)
    assert any("events of this card within about 1 h, usually" in text for text in texts)
    assert any("times the mean of this card, usually" in text for text in texts)


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
    swapped = events[-1] | {
        "card": "tok_000001", "entry_mode": "051", "transmitted_at": at + 600
    }  # fmt: skip
    usual = swapped | {"entry_mode": "810"}
    _, blocks = replayed(preset(), [*events, swapped])
    _, same = replayed(preset(), [*events, usual])
    before = scores(blocks)[1000:-1]
    assert scores(blocks)[-1] > before.max()
    assert scores(same)[-1] < np.quantile(before, 0.99)
