"""A job that is started with another configuration than its checkpoints were learned under."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from streamgmm import snapshot
from streamgmm.detection import Detector
from streamgmm.errors import StateError
from streamgmm.events import BatchDecoder
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.metrics import Metrics
from streamgmm.service.pipeline import Pipeline
from streamgmm.service.settings import detector_settings
from streamgmm.service.terms import Terms, terms_of
from tests.service.test_models import job, models, records, scores, start

if TYPE_CHECKING:
    from pathlib import Path

    from streamgmm.config import Config
    from streamgmm.service.checkpoint import Checkpoint

COMMITTED = 200
NEW = {
    "budget": job(budget=0.1),
    "half-life": job(half_life=60),
    "half-life in seconds": job(half_life='"7d"'),
    "all that may": replace(
        job(half_life=60, budget=0.1, model="established = 0.3\ngate = 0.9\nstructure = false"),
        events=replace(job().events, max_ahead=60.0),
    ),
}
pytestmark = pytest.mark.parametrize("new", NEW.values(), ids=NEW)


def switched(new: Config, end: int = 300, without: range = range(0)) -> tuple[list[bytes], bytes]:
    """Give outputs beyond the committed position, and the state, of a run that was not disturbed.

    It changes its settings by hand, exactly there.
    """
    decoder = BatchDecoder(new.schema(), origin="t-0")
    pipeline = Pipeline(
        decoder, Detector(2, detector_settings(job())), Metrics(""), want_scores=True
    )
    pipeline.process([one for one in records(0, COMMITTED) if one.position not in without])
    pipeline.detector = pipeline.detector.with_settings(detector_settings(new))
    decoder.clock.max_ahead = new.events.max_ahead
    rest = [one for one in records(COMMITTED, end) if one.position not in without]
    outputs = pipeline.process(rest)
    state = {"detector": pipeline.detector.state(), "partitions": {"t-0": pipeline.state()}}
    return outputs.scores, snapshot.pack({**state, "mark": {}})


def newest(directory: Path) -> Checkpoint:
    return DirectoryStore(directory).entries("t-0")[0].read()


def killed(directory: Path, saved: int = 120) -> None:
    """Leave what a job does that is killed behind the position it has committed."""
    one = models(directory)
    one.open("t-0", {"t-0": start()})
    scores(one, "t-0", 0, saved)
    one.checkpoint()
    if saved < COMMITTED:
        scores(one, "t-0", saved, COMMITTED)


def test_what_is_out_is_relearned_as_it_was_and_the_new_begins_there(
    tmp_path: Path, new: Config, caplog: pytest.LogCaptureFixture
) -> None:
    outputs, state = switched(new)
    killed(tmp_path)
    after = models(tmp_path, new)
    with caplog.at_level(logging.INFO):
        assert after.open("t-0", {"t-0": start(due=COMMITTED)}) == {"t-0": 120}
    assert caplog.text.count("the configuration has changed since the checkpoint (") == 1
    assert "takes effect from position 200" in caplog.text
    assert scores(after, "t-0", 120, 300) == outputs
    after.checkpoint()
    assert snapshot.pack(newest(tmp_path).state) == state
    assert newest(tmp_path).fingerprint == new.fingerprint()


def test_a_second_crash_on_the_way_changes_nothing(tmp_path: Path, new: Config) -> None:
    outputs, state = switched(new)
    killed(tmp_path)
    second = models(tmp_path, new)
    second.open("t-0", {"t-0": start(due=COMMITTED)})
    scores(second, "t-0", 120, 150)
    second.checkpoint()
    assert newest(tmp_path).fingerprint == job().fingerprint(), "of what it was learned under"
    assert newest(tmp_path).configuration == Terms.of(job()).text
    third = models(tmp_path, new)
    assert third.open("t-0", {"t-0": start(due=COMMITTED)}) == {"t-0": 150}
    assert scores(third, "t-0", 150, 180) == []
    assert scores(third, "t-0", 180, 300) == outputs
    third.checkpoint()
    assert snapshot.pack(newest(tmp_path).state) == state


@pytest.mark.parametrize("saved", [120, COMMITTED])
def test_nor_does_one_behind_the_change(tmp_path: Path, new: Config, saved: int) -> None:
    """Outputs under the new configuration are out, and no checkpoint was due since: one is there.

    Else these events would be learned again under the old one.
    """
    outputs, state = switched(new)
    killed(tmp_path, saved)
    second = models(tmp_path, new)
    second.open("t-0", {"t-0": start(due=COMMITTED)})
    assert scores(second, "t-0", saved, 260) == outputs[:60]
    third = models(tmp_path, new)
    assert third.open("t-0", {"t-0": start(due=260)}) == {"t-0": COMMITTED}
    assert scores(third, "t-0", COMMITTED, 300) == outputs[60:]
    third.checkpoint()
    assert snapshot.pack(newest(tmp_path).state) == state


def test_in_a_transaction_the_first_commit_takes_the_change_along(
    tmp_path: Path, new: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DirectoryStore, "transactional", True)
    killed(tmp_path)
    after = models(tmp_path, new)
    after.open("t-0", {"t-0": start(due=COMMITTED)})
    scores(after, "t-0", 120, 190)
    assert after.checkpoint_within(due=False) == {}
    scores(after, "t-0", 190, 230)
    assert newest(tmp_path).positions == {"t-0": 120}, "nothing outside of a transaction"
    assert after.checkpoint_within(due=False) == {"t-0": 230}
    assert newest(tmp_path).fingerprint == new.fingerprint()
    assert after.checkpoint_within(due=False) == {}, "once"


@pytest.mark.parametrize("in_passing", [False, True])
def test_the_committed_position_may_lie_in_a_hole(
    tmp_path: Path, new: Config, *, in_passing: bool
) -> None:
    hole = range(196, 204)
    outputs, state = switched(new, without=hole)
    killed(tmp_path)
    after = models(tmp_path, new)
    after.open("t-0", {"t-0": start(due=COMMITTED)})
    assert scores(after, "t-0", 120, hole.start) == []
    assert newest(tmp_path).positions == {"t-0": 120}
    if in_passing:
        after.pass_over("t-0", hole.stop)
        assert newest(tmp_path).configuration == Terms.of(new).text
    assert scores(after, "t-0", hole.stop, 300) == outputs
    after.checkpoint()
    assert snapshot.pack(newest(tmp_path).state) == state


def test_partitions_of_one_model_change_together(tmp_path: Path, new: Config) -> None:
    before = models(tmp_path)
    before.open("t", {"t-0": start(), "t-1": start()})
    scores(before, "t-0", 0, 100)
    scores(before, "t-1", 0, 100)
    before.checkpoint()
    after = models(tmp_path, new)
    after.open("t", {"t-0": start(due=110), "t-1": start(due=120)})
    scores(after, "t-0", 100, 115)
    scores(after, "t-1", 100, 119)
    store = DirectoryStore(tmp_path)
    after.checkpoint()
    assert store.entries("t")[0].read().configuration == Terms.of(job()).text
    scores(after, "t-1", 119, 120)
    assert store.entries("t")[0].read().configuration == Terms.of(new).text


def test_one_may_go_back_and_forth(tmp_path: Path, new: Config) -> None:
    killed(tmp_path, COMMITTED)
    for end, config in ((220, new), (240, job()), (260, new)):
        one = models(tmp_path, config)
        one.open("t-0", {"t-0": start(due=end - 20)})
        assert len(scores(one, "t-0", end - 20, end)) == 20
        one.checkpoint()
        assert newest(tmp_path).configuration == Terms.of(config).text


def test_a_checkpoint_that_does_not_name_its_budget_knows_it(tmp_path: Path, new: Config) -> None:
    killed(tmp_path)
    text = "\n".join(
        line for line in newest(tmp_path).configuration.splitlines() if "budget" not in line
    )
    old = replace(newest(tmp_path), configuration=text)
    assert terms_of(old, new, "").settings == detector_settings(job())


FIXED = {"gate": "off", "window": 5000, "n_components": 3}


@pytest.mark.parametrize("key", FIXED)
def test_others_are_refused(tmp_path: Path, new: Config, key: str) -> None:
    killed(tmp_path)
    other = replace(new, model=replace(new.model, **{key: FIXED[key]}))
    with pytest.raises(StateError, match=f"cannot go on with another model.{key}"):
        models(tmp_path, other).open("t-0", {"t-0": start(due=COMMITTED)})
    assert newest(tmp_path).positions == {"t-0": 120}
