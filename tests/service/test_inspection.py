"""Looking at checkpoints, comparing two, and forgetting them."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from streamgmm.cli import main
from streamgmm.config import Config, loads
from streamgmm.errors import StateError
from streamgmm.events import BatchDecoder, Record
from streamgmm.service.learned_between import between
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.shards import Start
from streamgmm.service.snapshots import find
from streamgmm.service.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB = """
[source]
type = "file"
path = "{directory}/in.jsonl"
[events]
time = "at"
cycles = ["day"]
[events.fields]
amount = {{ transform = "log1p", unit = "B" }}
"odd = {{}}" = "{odd}"
kind = "surprise"
[model]
n_components = 3
warmup = 200
half_life = 400
[service]
checkpoint = "{directory}/state"
"""
EIGHT = 1_700_035_200.0  # 2023-11-15 08:00 UTC


def job(directory: Path, odd: str = "identity") -> Config:
    text = JOB.format(directory=directory, odd=odd)
    (directory / "job.toml").write_text(text)
    return loads(text, env={})


def learn(config: Config, begin: int, end: int, *, second: bool = False, name: str = "in") -> None:
    """Take events through the job's model and leave a checkpoint; `second`: half elsewhere."""
    rng = np.random.default_rng(begin)
    decoder = lambda name: BatchDecoder(config.schema(), origin=name)  # noqa: E731
    models = Models(
        config, store=store_of(config), metrics=Metrics(""), decoder=decoder, want_scores=False
    )
    models.open(name, {name: Start(due=None, first=0, end=None, fallback=0)})
    records = []
    for i in range(begin, end):
        far = second and i % 2
        event = {
            "amount": float(np.expm1(rng.normal(14.0 if far else 7.0, 0.1))),
            "odd = {}": rng.normal(50.0 if far else 3.0),
            "kind": "a" if rng.random() < 0.5 else "b",
            "at": EIGHT + i % 1200 - 600,
        }
        records.append(Record(msgspec.json.encode(event), i))
    models.process(name, records)
    models.checkpoint()


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    assert main([str(word) for word in words]) == code
    return capsys.readouterr().out


def test_a_snapshot_in_the_user_s_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learn(job(tmp_path), 0, 1000)
    config = tmp_path / "job.toml"
    shown = json.loads(told(capsys, "inspect", config, "--json"))
    assert (shown["model"], shown["number"], shown["positions"]) == ("in", 1, {"in": 1000})
    assert (shown["events_seen"], shown["ready"], shown["frozen"]) == (1000, True, False)
    assert shown["threshold"] > shown["gate"]
    assert shown["fingerprint"] == job(tmp_path).fingerprint()
    assert sum(one["weight"] for one in shown["components"]) == pytest.approx(1)
    ranges = {one["feature"]: one for one in shown["components"][0]["features"]}
    amount, odd = ranges["amount"], ranges["odd = {}"]
    assert amount["mean"] == pytest.approx(np.expm1(7.0), rel=0.03)
    assert amount["low"] == pytest.approx(np.expm1(6.8), rel=0.05)
    assert amount["high"] == pytest.approx(np.expm1(7.2), rel=0.05)
    assert re.match(r"1\.\d+ kB \(\d+ B to 1\.\d+ kB\)$", amount["text"])
    assert (odd["mean"], odd["low"]) == (pytest.approx(3, abs=0.2), pytest.approx(1, abs=0.3))
    assert ranges["kind"]["mean"] == pytest.approx(0.5, abs=0.1)
    assert ranges["time_of_day"]["mean"].startswith(("07:5", "08:0"))
    table = told(capsys, "inspect", config)
    assert "events seen    1,000, ready" in table
    assert f"amount       {amount['text']}" in table


def test_units_are_the_configuration_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A snapshot alone knows fields and transforms, so it shows plain numbers."""
    learn(job(tmp_path), 0, 300)
    [file] = (tmp_path / "state").glob("*.sgmm")
    assert re.search(r"amount +1,[01]\d+ \(\d+ to 1,\d+\)\n", told(capsys, "inspect", file))
    assert re.search(r"amount +1\.\d+ kB", told(capsys, "inspect", tmp_path / "job.toml"))


def test_in_warm_up_and_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    learn(job(tmp_path), 0, 1)
    first = told(capsys, "inspect", tmp_path / "state")
    assert "1, in warm-up" in first
    assert "threshold      none\ngate           none" in first
    assert "covariance     none yet" in first
    learn(job(tmp_path), 1, 100)
    shown = json.loads(told(capsys, "inspect", tmp_path / "state", "--json"))
    assert (shown["events_seen"], shown["ready"], shown["gate"]) == (100, False, None)
    assert len(shown["components"]) == 1
    assert "born           none" in told(
        capsys, "inspect", "--diff", tmp_path / "state::2", tmp_path / "state"
    )


def test_what_was_learned_between_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = job(tmp_path)
    learn(config, 0, 600)
    learn(config, 600, 3000, second=True)
    where = tmp_path / "job.toml"
    shown = json.loads(told(capsys, "inspect", "--json", "--diff", f"{where}:in:1", where))
    assert (shown["numbers"], shown["events"]) == ([1, 2], 2400)
    assert shown["positions"] == {"in": [600, 3000]}
    assert shown["configuration"] == []
    assert len(shown["born"]) == 1, "the second behaviour"
    weights = sum(one["weight"][1] for one in shown["components"])
    assert weights == pytest.approx(0.5, abs=0.1)
    assert shown["threshold"][0] != shown["threshold"][1]
    table = told(capsys, "inspect", "--diff", f"{where}:1", where)
    assert "events         +2,400" in table
    assert f"born           {shown['born'][0]}" in table


def test_nothing_was_learned_between_one_and_itself(tmp_path: Path) -> None:
    learn(job(tmp_path), 0, 600, second=True)
    one = find(str(tmp_path / "state"))
    same = between(one, one)
    assert (same.events, same.born, same.gone) == (0, [], [])
    assert all(part.moved == 0 and part.weight[0] == part.weight[1] for part in same.components)
    assert len(same.components) == len(one.portrait().components)


def test_components_that_are_gone_name_the_nearest(tmp_path: Path) -> None:
    learn(job(tmp_path), 0, 600, second=True)
    learn(job(tmp_path), 600, 1200)
    earlier, later = find(f"{tmp_path}/state:1"), find(f"{tmp_path}/state:2")
    away = between(later, earlier)
    assert later.detector.mixture is not None
    slot = away.components[0].component
    later.detector.mixture.ids[slot] = 999
    there = between(earlier, later)
    assert there.born == [slot]
    [gone] = [one for one in there.gone if one.id == away.components[0].id]
    assert gone.nearest == slot
    assert gone.distance == pytest.approx(0, abs=1.0)


def test_other_features_cannot_be_compared(tmp_path: Path) -> None:
    for name, odd in (("a", "identity"), ("b", "asinh")):
        (tmp_path / name).mkdir()
        learn(job(tmp_path / name, odd), 0, 300)
    one, other = (find(str(tmp_path / name / "state")) for name in "ab")
    with pytest.raises(StateError, match=r'(?s)other features:.*\+ events.fields.*"asinh"'):
        between(one, other)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    config = job(tmp_path)
    for name in ("a", "a:1"):
        learn(config, 0, 300, name=name)
    state = tmp_path / "state"
    assert find(f"{state}:a").portrait().model == "a"
    assert find(f"{state}:a:1").portrait().model == "a:1", "a model's whole name comes first"
    for address, words in (
        (tmp_path / "no", "there is no snapshot .*a job's TOML file"),
        (state, "a model must be named, as :MODEL; .* has checkpoints of: a, a:1"),
        (f"{state}:b", "there is no model 'b'"),
        (f"{state}:a:7", "a has no checkpoint 7 .*there are: 1"),
    ):
        with pytest.raises(StateError, match=words):
            find(str(address))
    for file in state.glob("a.*"):
        file.write_bytes(b"?")
        with pytest.raises(StateError, match="not a streamgmm snapshot"):
            find(str(file))


def test_one_snapshot_or_two(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--diff", "a"], ["a", "b"], ["--diff", "a", "b", "c"]):
        with pytest.raises(SystemExit) as caught:
            main(["inspect", *words])
        assert caught.value.code == 2
    assert "--diff takes two, the earlier one first" in capsys.readouterr().err


def test_looking_changes_nothing(tmp_path: Path) -> None:
    learn(job(tmp_path), 0, 300)
    before = sorted((file.name, file.stat().st_mtime_ns) for file in tmp_path.rglob("*"))
    state = tmp_path / "state"
    state.chmod(0o500)
    try:
        find(str(state)).portrait()
        assert sorted((one.name, one.stat().st_mtime_ns) for one in tmp_path.rglob("*")) == before
    finally:
        state.chmod(0o700)


# ---- forgetting --------------------------------------------------------------------------------


@contextmanager
def typed(words: str) -> Iterator[None]:
    """A terminal at which somebody has typed this."""
    master, terminal = pty.openpty()
    os.write(master, words.encode())
    try:
        with os.fdopen(terminal) as stdin, pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", stdin)
            yield
    finally:
        os.close(master)


def files(directory: Path) -> list[Any]:
    return list((directory / "state").iterdir())


def test_reset_forgets_after_asking(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = job(tmp_path)
    learn(config, 0, 300)
    learn(config, 300, 400, name="other")
    (tmp_path / "state" / "mine.txt").write_text("not a checkpoint")
    where = tmp_path / "job.toml"
    with typed("no\n"):
        assert main(["reset", str(where)]) == 1
    asked = capsys.readouterr()
    assert asked.out == "nothing was forgotten\n"
    assert "in (300 events), other (100 events)" in asked.err
    assert "it begins the file anew" in asked.err
    assert len(files(tmp_path)) == 3
    with typed("y\n"):
        assert told(capsys, "reset", where) == "forgotten: in, other\n"
    assert [file.name for file in files(tmp_path)] == ["mine.txt"]
    assert told(capsys, "reset", where, "--yes") == "there is nothing to forget\n"


def test_reset_without_anybody_to_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(job(tmp_path), 0, 300)
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    where = tmp_path / "job.toml"
    assert main(["reset", str(where)]) == 1
    assert "--yes forgets without asking" in capsys.readouterr().err
    assert len(files(tmp_path)) == 1
    assert told(capsys, "reset", where, "--yes") == "forgotten: in\n"
    assert files(tmp_path) == []


def test_reset_of_a_running_job_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = job(tmp_path)
    learn(config, 0, 300)
    with store_of(config).held():
        assert main(["reset", str(tmp_path / "job.toml"), "--yes"]) == 5
    assert "stop all its workers first" in capsys.readouterr().err
    assert len(files(tmp_path)) == 1
