"""Beginning a job's file, and saying what its settings come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamgmm.cli import main
from streamgmm.config import loads, preset_names
from streamgmm.config.explain import explain
from streamgmm.config.starter import STARTERS, starter

JOB = """
[source]
type = "kafka"
brokers = "localhost:9092"
topic = "t"
[events]
time = "ts"
key = "host"
[events.fields]
a = { transform = "log1p", unit = "B", required = true }
b = { transform = "surprise", given = "host", keys = 1_000 }
c = { history = "count", per = true, half_life = "1h" }
d = { from = "a", history = "against_mean", per = "host", half_life = 50 }
[alerts]
budget = "20/day"
[sink]
type = "kafka"
alerts = "found"
"""


@pytest.mark.parametrize("preset", STARTERS)
@pytest.mark.parametrize("topic", [None, "pay ments\\"])
def test_a_beginning_is_a_valid_job_like_its_preset(preset, topic) -> None:
    text = starter(preset, topic)
    config = loads(text, env={})
    if topic is not None:  # of any name, it stands as it is
        assert config.source.topics == (topic,)
        assert config.sink.dead_letters == f"{topic}-dead-letters"
        assert config.service.checkpoint
    like = loads((Path(__file__).parents[1] / "config" / f"{preset}.toml").read_text(), env={})
    assert (config.events, config.model) == (like.events, like.model)
    assert config.alerts == like.alerts
    for section in ("source", "events", "events.fields", "model", "alerts", "sink", "service"):
        assert text.count(f"\n[{section}]\n") == 1
    assert sum("# " in line for line in text.splitlines()) > 15
    assert set(STARTERS) < set(preset_names())


def test_init_writes_a_new_file_and_says_what_comes_next(tmp_path, capsys) -> None:
    path = tmp_path / "job.toml"
    assert main(["init", "transactions", str(path), "--topic", "payments"]) == 0
    told = capsys.readouterr().out
    assert f"streamgmm check --explain {path}" in told
    assert "[source] brokers: yours" in told
    assert main(["check", str(path)]) == 0
    text = path.read_text()
    capsys.readouterr()
    assert main(["init", "network", str(path)]) == 3
    assert "is there already and stays as it is" in capsys.readouterr().err
    assert path.read_text() == text
    assert main(["init", "network"]) == 0
    assert capsys.readouterr().out == starter("network")


def told(text: str, rate: float = 100.0) -> dict[str, dict[str, str]]:
    return {name: dict(lines) for name, lines in explain(loads(text, env={}), rate)}


def test_what_settings_come_to_at_a_rate() -> None:
    model = told(JOB)["model"]
    assert "10,000 events ago counts half" in model["half_life"]
    assert model["half_life"].endswith("At 100 events a second that is 1 min 40 s.")
    assert "first 500 events are only learned from, at 100 events a second 5 s" in model["warmup"]
    budget = told(JOB, rate=2.0)["alerts"]["budget"]
    assert "20 false alarms a day for each partition, one every 1 h 12 min" in budget
    assert "at 2 events a second 1 event in 8,640" in budget


def test_a_budget_that_nobody_could_look_at_is_told() -> None:
    budget = told(JOB.replace('"20/day"', "0.001"), rate=1000.0)["alerts"]["budget"]
    assert "1 false alarm in 1,000 events" in budget
    assert "86,400 a day; that is more than anybody looks at" in budget
    assert "more than anybody" not in told(JOB.replace('"20/day"', "1e-6"))["alerts"]["budget"]
    assert "everything would be an alert" in told(JOB, rate=1e-5)["alerts"]["budget"]


def test_what_features_are() -> None:
    fields = told(JOB)["events.fields"]
    assert "shown in B; an event without it is a dead letter." in fields["a"]
    assert "How usual b is for the host, and for all" in fields["b"]
    assert "The latest 1,000 are remembered, in 4 MB at most" in fields["b"]
    assert fields["c"].startswith(
        "How many events of the same key came before; after 1 h one counts half."
    )
    assert "against its mean in earlier events of the same host; after 50 of its" in fields["d"]


def test_what_is_off_is_told_too() -> None:
    text = JOB.replace('time = "ts"\n', "").replace('"20/day"', "0.01") + (
        '[service]\nhttp = ""\n[model]\nhalf_life = "stationary"\ngate = "off"\n'
        'established = "off"\nstructure = false\nscope = "topic"\n'
    )
    sections = told(text)
    assert "cannot follow a stream that changes" in sections["model"]["half_life"]
    assert "teaches the model as much" in sections["model"]["gate"]
    assert "The record's timestamp counts" in sections["events"]["time"]
    assert "gone when the process ends" in sections["service"]["checkpoint"]
    assert "no metrics, no page, no commands" in sections["service"]["http"]
    assert "kept nowhere" in sections["sink"]["dead_letters"]
    assert "for each model" in sections["alerts"]["budget"]


@pytest.mark.parametrize("preset", preset_names())
def test_every_preset_is_explained(preset, pytestconfig, capsys) -> None:
    path = pytestconfig.rootpath / "config" / f"{preset}.toml"
    assert main(["check", "--explain", "--rate", "5", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 96
    assert {"[source]", "[events.fields]", "[alerts]", "[service]"} <= set(lines)
