from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from streamgmm.config import Config, loads
from streamgmm.errors import StateError
from streamgmm.events import BatchDecoder, Record
from streamgmm.mixture import NUMERICS
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.shards import Start

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
warmup = 50
half_life = {half_life}
{model}
[alerts]
budget = {budget}
"""


def job(half_life: int | str = 500, budget: float = 0.01, model: str = "") -> Config:
    return loads(JOB.format(half_life=half_life, budget=budget, model=model), env={})


def models(
    directory: Path | None,
    config: Config | None = None,
    metrics: Metrics | None = None,
    *,
    skip_lost: bool = False,
) -> Models:
    config = config or job()
    return Models(
        config,
        store=None if directory is None else DirectoryStore(directory),
        metrics=metrics or Metrics(""),
        decoder=lambda name: BatchDecoder(config.schema(), origin=name),
        want_scores=True,
        skip_lost=skip_lost,
    )


def records(start: int, end: int, seed: int = 0) -> list[Record]:
    X = np.random.default_rng(seed).normal(size=(1000, 2)).tolist()
    return [Record(msgspec.json.encode({"a": X[i][0], "b": X[i][1]}), i) for i in range(start, end)]


def start(due: int | None = None, first: int = 0, end: int = 1000, fallback: int = 0) -> Start:
    return Start(due=due, first=first, end=end, fallback=fallback)


def scores(models: Models, partition: str, begin: int, end: int) -> list[bytes]:
    outputs = models.process(partition, records(begin, end))
    return [line for one in outputs for line in one.scores]


def uninterrupted(end: int = 300) -> list[bytes]:
    one = models(None)
    one.open("t-0", {"t-0": start()})
    return scores(one, "t-0", 0, end)


def test_a_new_partition_begins_where_the_group_stands(tmp_path: Path) -> None:
    one = models(tmp_path)
    assert one.open("t-0", {"t-0": start(due=70)}) == {"t-0": 70}
    assert one.open("t-1", {"t-1": start(fallback=30)}) == {"t-1": 30}
    assert one.positions() == {"t-0": 70, "t-1": 30}


def test_a_committed_position_without_its_model_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    models(tmp_path).open("t-0", {"t-0": start(due=5000, first=5000, end=6000)})
    models(None).open("t-0", {"t-0": start(due=700)})
    models(tmp_path).open("t-0", {"t-0": start()})
    assert caplog.text == "", "nothing was learned before, or nothing is to be kept"
    models(tmp_path).open("t-1", {"t-1": start(due=51_929, end=60_000)})
    assert f"t-1: the group has committed 51,929 but {tmp_path} has no checkpoint" in caplog.text
    assert "the model begins empty" in caplog.text


def test_the_first_checkpoint_is_there_before_anything_is_put_out(tmp_path: Path) -> None:
    """So a crash at any moment, and a disk that fills up, leave a state to go on from."""
    whole = uninterrupted()
    one = models(tmp_path)
    one.open("t-0", {"t-0": start(fallback=0)})
    one.checkpoint_new()
    scores(one, "t-0", 0, 150)
    one.checkpoint_new()
    again = models(tmp_path)
    assert again.open("t-0", {"t-0": start(due=150)}) == {"t-0": 0}
    assert scores(again, "t-0", 0, 300) == whole[150:]


@pytest.mark.parametrize("due", [200, 230, 299])
def test_a_restored_model_relearns_silently_and_goes_on_bit_for_bit(
    tmp_path: Path, due: int
) -> None:
    whole = uninterrupted()
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    assert scores(before, "t-0", 0, 200) == whole[:200]
    before.checkpoint()

    after = models(tmp_path)
    assert after.open("t-0", {"t-0": start(due=due)}) == {"t-0": 200}
    if due > 200:
        assert after.show()["t-0"].behind
        assert after.positions() == {}, "nothing may be committed while behind"
    assert scores(after, "t-0", 200, 240) == whole[max(200, due) : 240]
    assert scores(after, "t-0", 240, 300) == whole[max(240, due) : 300]
    assert not after.show()["t-0"].behind
    assert after.positions() == {"t-0": 300}


def test_a_checkpoint_ahead_of_the_group_is_not_used(tmp_path: Path) -> None:
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, 100)
    before.checkpoint()
    scores(before, "t-0", 100, 200)
    before.checkpoint()
    after = models(tmp_path)
    assert after.open("t-0", {"t-0": start(due=150)}) == {"t-0": 100}
    fresh = models(tmp_path)
    assert fresh.open("t-0", {"t-0": start(due=50)}) == {"t-0": 50}
    assert fresh.show()["t-0"].seen == 0


def test_without_a_committed_position_the_checkpoint_s_counts(tmp_path: Path) -> None:
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, 100)
    before.checkpoint()
    after = models(tmp_path)
    assert after.open("t-0", {"t-0": start()}) == {"t-0": 100}
    assert len(scores(after, "t-0", 100, 110)) == 10


def test_a_log_that_was_cut_stops_the_job(tmp_path: Path) -> None:
    one = models(tmp_path)
    told = r"t-0: everything before position 100 is out, but the source ends at 20: .*lost_events"
    with pytest.raises(StateError, match=told):
        one.open("t-0", {"t-0": start(due=100, end=20)})
    one.open("t-0", {"t-0": start(due=100, end=100)})
    with pytest.raises(StateError, match=told):
        one.lose("t-0", 0, 20)


@pytest.mark.parametrize("checkpoint", [10, 60, 100])
def test_or_is_gone_on_with_from_its_end_and_nothing_is_put_out_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, checkpoint: int
) -> None:
    """The model stays, whether its checkpoint is from before the cut, or from what is gone."""
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, checkpoint)
    before.checkpoint()
    metrics = Metrics("0")
    after = models(tmp_path, skip_lost=True, metrics=metrics)
    with caplog.at_level(logging.ERROR):
        begins = after.open("t-0", {"t-0": start(due=100, end=20)})
    assert begins == {"t-0": min(checkpoint, 20)}
    assert "the source ends at 20: its log was cut" in caplog.text
    if begins["t-0"] < 20:
        assert not scores(after, "t-0", begins["t-0"], 20), "that is out"
    assert after.show()["t-0"].seen == max(checkpoint, 20)
    assert after.positions() == {"t-0": 20}, "is committed, so that the next start is sound"
    assert len(scores(after, "t-0", 20, 30)) == 10
    after.checkpoint()
    again = models(tmp_path)
    assert again.open("t-0", {"t-0": start(due=30, end=30)}) == {"t-0": 30}
    cuts = metrics.registry.get_sample_value("streamgmm_log_cuts_total", {"partition": "t-0"})
    assert cuts == 1


def test_one_that_is_cut_while_it_is_learned_again_is_not_waited_for(tmp_path: Path) -> None:
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, 20)
    before.checkpoint()
    one = models(tmp_path, skip_lost=True)
    one.open("t-0", {"t-0": start(due=100, end=100)})
    assert not scores(one, "t-0", 20, 50)
    assert one.is_behind("t-0")
    assert one.lose("t-0", 0, 60) == 50
    assert not scores(one, "t-0", 50, 60), "these are out"
    assert not one.is_behind("t-0")
    assert len(scores(one, "t-0", 60, 70)) == 10


def test_a_log_that_is_cut_under_way_is_gone_on_with_from_its_end(tmp_path: Path) -> None:
    one = models(tmp_path, skip_lost=True)
    one.open("t-0", {"t-0": start()})
    scores(one, "t-0", 0, 100)
    assert one.lose("t-0", 0, 100) == 100, "the end is no cut"
    assert one.lose("t-0", 0, 20) == 20
    assert one.positions() == {"t-0": 20}
    assert len(scores(one, "t-0", 20, 30)) == 10
    one.checkpoint()
    assert models(tmp_path).open("t-0", {"t-0": start(due=30, end=30)}) == {"t-0": 30}


def test_what_retention_took_stops_the_job(tmp_path: Path) -> None:
    one = models(tmp_path)
    with pytest.raises(
        StateError, match=r"t-0: events 10 to 39 are gone .*lost_events to \"skip\""
    ):
        one.open("t-0", {"t-0": start(due=10, first=40)})


def test_or_is_counted_and_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    metrics = Metrics("0")
    one = models(tmp_path, metrics=metrics, skip_lost=True)
    with caplog.at_level(logging.ERROR):
        assert one.open("t-0", {"t-0": start(due=10, first=40)}) == {"t-0": 40}
    assert "t-0: events 10 to 39 are gone from the source" in caplog.text
    assert one.lose("t-0", 45, 99) == 45
    assert one.lose("t-0", 45, 99) == 45
    assert one.positions() == {"t-0": 45}
    lost = metrics.registry.get_sample_value("streamgmm_lost_events_total", {"partition": "t-0"})
    assert lost == 30 + 5


def test_what_cannot_be_relearned_any_more_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, 100)
    before.checkpoint()
    with pytest.raises(StateError, match=r"100 to 149 are gone .*checkpoint that can be used"):
        models(tmp_path).open("t-0", {"t-0": start(due=200, first=150)})
    after = models(tmp_path, skip_lost=True)
    with caplog.at_level(logging.WARNING):
        assert after.open("t-0", {"t-0": start(due=200, first=150)}) == {"t-0": 150}
    assert "events 100 to 149 are gone" in caplog.text


def test_a_partition_that_comes_back_unchanged_keeps_its_model() -> None:
    whole = uninterrupted()
    one = models(None)
    one.open("t-0", {"t-0": start()})
    scores(one, "t-0", 0, 120)
    one.close(["t-0"], park=True)
    assert one.positions() == {}
    assert one.open("t-0", {"t-0": start(due=120)}) == {"t-0": 120}
    assert scores(one, "t-0", 120, 300) == whole[120:]


def test_a_partition_on_which_somebody_else_worked_does_not() -> None:
    one = models(None)
    one.open("t-0", {"t-0": start()})
    scores(one, "t-0", 0, 120)
    one.close(["t-0"], park=True)
    assert one.open("t-0", {"t-0": start(due=130)}) == {"t-0": 130}
    assert one.show()["t-0"].seen == 0


def test_a_lost_partition_is_forgotten() -> None:
    one = models(None)
    one.open("t-0", {"t-0": start()})
    scores(one, "t-0", 0, 120)
    one.close(["t-0"], park=False)
    one.open("t-0", {"t-0": start(due=120)})
    assert one.show()["t-0"].seen == 0


def test_partitions_of_a_topic_share_a_model_and_are_restored_together(tmp_path: Path) -> None:
    before = models(tmp_path)
    before.open("t", {"t-0": start(), "t-1": start()})
    scores(before, "t-0", 0, 60)
    scores(before, "t-1", 0, 40)
    assert before.show()["t"].seen == 100
    before.checkpoint()
    expected = scores(before, "t-1", 40, 60)

    after = models(tmp_path)
    starts = {"t-0": start(due=60), "t-1": start(due=50), "t-2": start()}
    assert after.open("t", starts) == {"t-0": 60, "t-1": 40, "t-2": 0}
    assert scores(after, "t-1", 40, 60) == expected[10:]


def test_another_configuration_is_refused_by_name(tmp_path: Path) -> None:
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, 60)
    before.checkpoint()
    after = models(tmp_path, job(half_life=600, model="window = 5000"))
    with pytest.raises(StateError) as caught:
        after.open("t-0", {"t-0": start(due=60)})
    for line in (
        "- model.window = 100000",
        "+ model.window = 5000",
        "- model.half_life = 500.0",
        "+ model.half_life = 600.0",
        "a model cannot go on with another model.window (model.half_life may change)",
        str(tmp_path),
    ):
        assert line in str(caught.value)


def test_another_budget_is_taken_on(tmp_path: Path) -> None:
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, 200)
    before.checkpoint()
    after = models(tmp_path, job(budget=0.2))
    after.open("t-0", {"t-0": start(due=200)})
    [outputs] = after.process("t-0", records(200, 1000))
    assert 80 < len(outputs.alerts) < 260


def test_a_checkpoint_of_other_numerics_is_taken_on_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = uninterrupted()
    before = models(tmp_path)
    before.open("t-0", {"t-0": start()})
    scores(before, "t-0", 0, 200)
    before.checkpoint()
    again = models(tmp_path)
    again.open("t-0", {"t-0": start(due=200)})
    assert caplog.text == ""
    monkeypatch.setattr("streamgmm.service.keeper.NUMERICS", 999)
    after = models(tmp_path)
    after.open("t-0", {"t-0": start(due=200)})
    assert f"t-0: the checkpoint is of another build, whose arithmetic has number {NUMERICS}" in (
        caplog.text
    )
    assert scores(after, "t-0", 200, 300) == whole[200:], "it is the same arithmetic here"


def test_nothing_new_nothing_written(tmp_path: Path) -> None:
    one = models(tmp_path)
    one.open("t-0", {"t-0": start()})
    one.checkpoint()
    assert list(tmp_path.iterdir()) == []
    scores(one, "t-0", 0, 10)
    one.checkpoint()
    one.checkpoint()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_said_and_survived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    one = models(tmp_path)
    one.open("t-0", {"t-0": start()})
    scores(one, "t-0", 0, 10)
    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
        patch.setattr(DirectoryStore, "write", full)
        one.checkpoint()
    assert "No space left on device" in caplog.text
    assert "the service goes on" in caplog.text
    one.checkpoint()
    assert len(list(tmp_path.iterdir())) == 1


CATEGORIES = """
[source]
type = "kafka"
brokers = "b:1"
topic = "t"
[events]
cycles = ["day", "week"]
time_zone = "Europe/Zurich"
[events.fields]
a = "identity"
port = { transform = "surprise", half_life = 60 }
"port of the key" = { transform = "surprise", from = "port", given = true, keys = 7 }
[model]
n_components = 2
warmup = 50
"""


def test_categories_are_relearned_too(tmp_path: Path) -> None:
    """The tables are of the checkpoint's position, and go forward with the model."""
    config = loads(CATEGORIES, env={})
    rng = np.random.default_rng(3)
    stream = [
        Record(
            msgspec.json.encode({"a": float(rng.normal()), "port": int(rng.zipf(1.5))}),
            i,
            timestamp=1e9 + 700 * i,
            key=b"%d" % rng.integers(20),
        )
        for i in range(300)
    ]
    reference = models(None, config)
    reference.open("t-0", {"t-0": start()})
    [expected] = reference.process("t-0", stream)
    one = models(tmp_path, config)
    one.open("t-0", {"t-0": start()})
    one.process("t-0", stream[:170])
    one.checkpoint()
    one.process("t-0", stream[170:])  # lost in a crash
    again = models(tmp_path, config)
    assert again.open("t-0", {"t-0": start(due=230)}) == {"t-0": 170}
    [outputs] = again.process("t-0", stream[170:])
    assert outputs.scores == expected.scores[230:]
