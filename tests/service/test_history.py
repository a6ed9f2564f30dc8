"""Checkpoints to go back to: which are kept, how they are listed, what comes back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from streamgmm.config import Config, loads
from streamgmm.errors import ConfigError, StateError
from streamgmm.events import BatchDecoder, Record
from streamgmm.service.checkpoint import Checkpoint
from streamgmm.service.commands import Command
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.history import entries, revert, table
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.shards import Start
from streamgmm.service.stores import store_of

if TYPE_CHECKING:
    from pathlib import Path

JOB = """
[source]
type = "kafka"
brokers = "b:1"
topic = "t"
[events.fields]
a = "identity"
b = "identity"
[model]
n_components = 2
warmup = {warmup}
[service]
checkpoint = "{directory}"
"""


def job(directory: Path | str, warmup: int = 50) -> Config:
    return loads(JOB.format(directory=directory, warmup=warmup), env={})


def models(config: Config) -> Models:
    return Models(
        config,
        store=store_of(config),
        metrics=Metrics(""),
        decoder=lambda name: BatchDecoder(config.schema(), origin=name),
        want_scores=True,
    )


def records(start: int, end: int) -> list[Record]:
    X = np.random.default_rng(0).normal(size=(1000, 2)).tolist()
    return [Record(msgspec.json.encode({"a": X[i][0], "b": X[i][1]}), i) for i in range(start, end)]


def at(due: int | None = None) -> Start:
    return Start(due=due, first=0, end=1000, fallback=0)


def learned(one: Models) -> bytes:
    detector = one._shards["t-0"].detector
    return msgspec.json.encode(detector.mixture.means.tolist())


def scores(one: Models, begin: int, end: int) -> list[bytes]:
    return [line for made in one.process("t-0", records(begin, end)) for line in made.scores]


def kept_at(tmp_path: Path, ages: list[float], **keep: int) -> list[int]:
    """Write a checkpoint at each of these ages (s, oldest first); numbers of those that stay."""
    store = DirectoryStore(tmp_path, **keep)
    now = 1_800_000_000.0 - 1_800_000_000.0 % 86_400 + 86_399
    for number, age in enumerate(ages, 1):
        store.write(Checkpoint(name="m", positions={}, state={}, fingerprint="", configuration=""))
        newest = store.files("m")[0]
        assert store.number(newest) == number
        os.utime(newest, (now - age, now - age))
    store._prune(store.files("m"))
    return sorted(map(store.number, store.files("m")))


def test_the_last_of_each_hour_and_of_each_day_stays(tmp_path: Path) -> None:
    hour, day = 3600.0, 86_400.0
    ages = [9 * day, 3 * day + 60, 3 * day, 2 * day, 5 * hour, 2 * hour + 60, 2 * hour, 120, 60, 0]
    assert kept_at(tmp_path / "a", ages, keep=2) == [9, 10]
    assert kept_at(tmp_path / "b", ages, keep=2, hourly=3) == [5, 7, 9, 10]
    assert kept_at(tmp_path / "c", ages, keep=1, daily=3) == [3, 4, 10]
    assert kept_at(tmp_path / "d", ages, keep=1, hourly=2, daily=100) == [1, 3, 4, 7, 10]


def test_a_job_keeps_a_bounded_number(tmp_path: Path) -> None:
    assert len(kept_at(tmp_path, list(np.arange(300.0)[::-1] * 3600), hourly=24, daily=7)) == 30


def test_going_back_brings_the_model_and_not_the_position(tmp_path: Path) -> None:
    config = job(tmp_path)
    one = models(config)
    one.open("t-0", {"t-0": at()})
    scores(one, 0, 300)
    one.checkpoint()
    good = learned(one)
    following = scores(models_at(tmp_path, 300), 500, 520)
    scores(one, 300, 400)
    one.checkpoint()
    scores(one, 400, 500)  # committed, but in no checkpoint: the job crashed
    assert learned(one) != good

    old = revert(store_of(config), config, None, 1)
    assert old.positions == {"t-0": 300}
    again = models(config)
    assert again.open("t-0", {"t-0": at(due=500)}) == {"t-0": 500}
    assert not again.show()["t-0"].behind, "the bad period is not learned again"
    assert learned(again) == good
    assert scores(again, 500, 520) == following, "as if nothing had come in between"
    again.checkpoint_new()
    assert models(config).open("t-0", {"t-0": at(due=530)}) == {"t-0": 520}, "and then as ever"


def models_at(directory: Path, position: int) -> Models:
    """The model as its checkpoint at ``position`` holds it, in a place of its own."""
    config = job(directory)
    [checkpoint] = [
        entry.checkpoint
        for entry in entries(store_of(config))
        if entry.checkpoint is not None and entry.checkpoint.positions["t-0"] == position
    ]
    apart = job(directory / "apart")
    store_of(apart).write(checkpoint)
    one = models(apart)
    one.open("t-0", {"t-0": at(due=position)})
    return one


def test_ids_of_incidents_are_not_given_twice(tmp_path: Path) -> None:
    config = job(tmp_path)
    one = models(config)
    one.open("t-0", {"t-0": at()})
    scores(one, 0, 200)
    one.checkpoint()
    detector = one._shards["t-0"].detector
    detector._incidents.see(3, event=1, time=1.0, p_value=0.5)
    scores(one, 200, 210)
    one.checkpoint()
    revert(store_of(config), config, "t-0", 1)
    again = models(config)
    again.open("t-0", {"t-0": at(due=210)})
    restored = again._shards["t-0"].detector
    assert restored.incidents == []
    assert restored._incidents.see(3, event=1, time=1.0, p_value=0.5).id == 2


def test_a_command_is_in_the_next_checkpoint(tmp_path: Path) -> None:
    config = job(tmp_path)
    one = models(config)
    one.open("t-0", {"t-0": at()})
    scores(one, 0, 200)
    one.checkpoint()
    assert not one.obey(Command("list"))["models"]["t-0"]["frozen"]
    assert len(store_of(config).files("t-0")) == 1
    one.obey(Command("freeze"))
    assert one.checkpoint()
    again = models(config)
    again.open("t-0", {"t-0": at(due=200)})
    assert again.obey(Command("list"))["models"]["t-0"]["frozen"]
    before = learned(again)
    assert len(scores(again, 200, 300)) == 100
    assert learned(again) == before


def test_the_list(tmp_path: Path) -> None:
    config = job(tmp_path)
    assert len(table(store_of(config))) == 1
    one = models(config)
    one.open("t-0", {"t-0": at()})
    for end in (100, 200):
        scores(one, end - 100, end)
        one.checkpoint()
    head, newest, oldest = table(store_of(config))
    assert head[:2] == ("model", "number")
    assert newest[:2] == ("t-0", "2")
    assert (newest[4], newest[6], oldest[4], oldest[6]) == ("200", "200", "100", "100")
    revert(store_of(config), config, "t-0", 1)
    assert table(store_of(config))[1][4:] == ("100", "", "200 (went back)")
    for file in store_of(config).files("t-0")[:1]:
        file.write_bytes(b"nonsense")
    assert table(store_of(config))[1][4] == "cannot be read"


def test_what_is_refused(tmp_path: Path) -> None:
    config = job(tmp_path)
    store = store_of(config)
    with pytest.raises(StateError, match=r"a model must be named.*checkpoints of: none"):
        revert(store, config, None, 1)
    one = models(config)
    one.open("t-0", {"t-0": at()})
    scores(one, 0, 100)
    one.checkpoint()
    with pytest.raises(StateError, match=r"t-0 has no checkpoint 9 .*there are: 1"):
        revert(store, config, None, 9)
    with pytest.raises(StateError, match=r"there is no model 'x'.*checkpoints of: t-0"):
        revert(store, config, "x", 1)
    with pytest.raises(StateError, match="choose another checkpoint"):
        revert(store, job(tmp_path, warmup=60), None, 1)
    with (
        store.held(),
        store_of(config).held(),
        pytest.raises(StateError, match=r"a job is running on .*stop all its workers first"),
    ):
        revert(store_of(config), config, None, 1)
    with store.held(alone=True), pytest.raises(StateError, match="try again"), store.held():
        pass
    revert(store, config, None, 1)
    with pytest.raises(ConfigError, match="names no directory"):
        store_of(job(""))
