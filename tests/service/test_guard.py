"""Events that crash the worker: found, set aside, and no neighbour is touched."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle
from typing import TYPE_CHECKING, Any

import pytest

from streamgmm import snapshot
from streamgmm.config.sections import Service
from streamgmm.detection import Detector
from streamgmm.events import BatchDecoder, Record
from streamgmm.service.commands import Command
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.journal import Journal, journal_of
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.records import RecordEncoder
from streamgmm.service.run import _journals
from tests.service.test_models import job, records, start

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

POISON = b'{"a": 0.125, "b": 0.5}'


class DeathError(BaseException):
    """Stands for the end of the process: nothing in it catches this."""


class Machine:
    """A directory, and the processes that work in it one after the other."""

    def __init__(self, directory: Path, deadly: set[bytes] | None = None) -> None:
        self.directory = directory
        self.deadly = deadly or set()
        self.metrics = Metrics("")
        self._left: dict[Path, bytes] = {}

    def start(self, due: int | None = None) -> Models:
        """Begin a new process, as far as the disk can tell."""
        for path, data in self._left.items():
            path.write_bytes(data)
        self._left.clear()
        config = job()
        models = Models(
            config,
            store=DirectoryStore(self.directory),
            metrics=self.metrics,
            decoder=self._decoder,
            want_scores=True,
            journals=lambda name: journal_of(self.directory, name),
        )
        models.open("t-0", {"t-0": start(due=due)})
        return models

    def _decoder(self, name: str) -> BatchDecoder:
        decoder = BatchDecoder(job().schema(), origin=name)
        events = decoder._events

        def deadly(values: Sequence[bytes | None]) -> Any:
            if self.deadly & set(values):
                self.die()
            return events(values)

        decoder._events = deadly  # type: ignore[method-assign]
        return decoder

    def die(self) -> None:
        """End as a process does that is killed: what it has noted stays as it is."""
        self._left = {path: path.read_bytes() for path in self.directory.glob("*.journal")}
        raise DeathError


def poisoned(*at: int, end: int = 400) -> list[Record]:
    """Events, of which some are poison."""
    stream = records(0, end)
    for i in at:
        stream[i] = Record(POISON, i)
    return stream


def put_out(models: Models, stream: list[Record], size: int = 100) -> tuple[list[bytes], list[Any]]:
    """Process all in blocks; give scores and dead letters."""
    scores: list[bytes] = []
    dead: list[Any] = []
    for first in range(0, len(stream), size):
        for one in models.process("t-0", stream[first : first + size]):
            scores += one.scores
            dead += [(letter.position, letter.reason) for letter in one.dead_letters]
    return scores, dead


def without(*at: int, end: int = 400) -> tuple[list[bytes], bytes]:
    """Scores and state where these events are dead letters from the start."""
    stream = records(0, end)
    for i in at:
        stream[i] = Record(b"?", i)
    models = Models(
        job(),
        store=None,
        metrics=Metrics(""),
        decoder=lambda name: BatchDecoder(job().schema(), origin=name),
        want_scores=True,
    )
    models.open("t-0", {"t-0": start()})
    return put_out(models, stream, size=400)[0], state_of(models)


def state_of(models: Models) -> bytes:
    return snapshot.pack(models._shards["t-0"].state())


@pytest.fixture(params=["decoding", "learning", "writing", "judging"])
def raising(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let poison raise while it is read, once it is half learned, or once it is learned."""
    if request.param == "decoding":
        columns = after(BatchDecoder._in_columns, lambda numbers: numbers[:, 0])
        monkeypatch.setattr(BatchDecoder, "_in_columns", columns)
    elif request.param == "learning":
        monkeypatch.setattr(Detector, "process", after(Detector.process, lambda X, **_: X[:, 0]))
    elif request.param == "writing":
        scores = after(RecordEncoder.scores, lambda batch, _: batch.X[:, 0])
        monkeypatch.setattr(RecordEncoder, "scores", scores)
        # what is learned again writes no scores
        alerts = after(RecordEncoder.alerts, lambda batch, _: batch.X[:, 0])
        monkeypatch.setattr(RecordEncoder, "alerts", alerts)
    else:
        judge = after(BatchDecoder._batch, lambda X, *_, **__: X[:, 0])
        monkeypatch.setattr(BatchDecoder, "_batch", judge)


def after(method: Callable[..., Any], values: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(self: Any, *arguments: Any, **options: Any) -> Any:
        made = method(self, *arguments, **options)
        if 0.125 in list(values(*arguments, **options)):
            raise RuntimeError("a value that nobody thought of")
        return made

    return wrapped


@pytest.mark.usefixtures("raising")
def test_an_event_that_raises_is_set_aside_and_its_neighbours_never_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine(tmp_path)
    models = machine.start()
    at = (0, 130, 131, 199, 350)
    scores, dead = put_out(models, poisoned(*at))
    assert dead == [(i, "crashed") for i in at]
    assert (scores, state_of(models)) == without(*at)
    assert b'dead_letters_total{reason="crashed"} 5.0' in machine.metrics.exposition()
    assert caplog.text.count("Traceback") == 1, "told once with all that is known"


@pytest.mark.usefixtures("raising")
def test_what_raised_is_set_aside_in_a_replay_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    models = machine.start()
    put_out(models, poisoned(60, end=100))
    models.checkpoint()
    put_out(models, poisoned(130, 131, end=300)[100:])
    again = machine.start(due=250)
    scores, dead = put_out(again, poisoned(60, 130, 131)[100:])
    whole, state = without(60, 130, 131)
    assert (scores, dead, state_of(again)) == (whole[247:], [], state)


def test_a_fault_that_passes_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory for a moment, say: what is tried again is not set aside."""
    failures = iter([True, False, True, True])
    process = Detector.process

    def sometimes(self: Detector, *arguments: Any, **options: Any) -> Any:
        made = process(self, *arguments, **options)
        if len(arguments[0]) and self.n_seen > 150 and next(failures, False):
            raise MemoryError
        return made

    monkeypatch.setattr(Detector, "process", sometimes)
    models = Machine(tmp_path).start()
    scores, dead = put_out(models, records(0, 400))
    assert next(failures, None) is None
    monkeypatch.undo()
    assert (scores, dead, state_of(models)) == (without()[0], [], without()[1])


def test_what_an_operator_changed_is_not_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Detector, "process", after(Detector.process, lambda X, **_: X[:, 0]))
    models = Machine(tmp_path).start()
    put_out(models, records(0, 100))
    models.obey(Command("freeze"))
    put_out(models, poisoned(130, end=200)[100:])
    assert models._shards["t-0"].detector.frozen
    assert models._shards["t-0"].detector.n_seen == 100


def live(machine: Machine, stream: list[Record], due: int = 0) -> tuple[list[bytes], list[Any]]:
    return put_out(machine.start(due), stream)


def test_an_event_that_kills_the_process_three_times_is_set_aside(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {POISON})
    for _ in range(3):
        with pytest.raises(DeathError):
            live(machine, poisoned(130))
    models = machine.start()
    scores, dead = put_out(models, poisoned(130))
    assert dead == [(130, "crashed")]
    assert (scores, state_of(models)) == without(130)
    # and in every replay, silent or not
    scores, dead = live(machine, poisoned(130), due=200)
    assert (scores, dead) == (without(130)[0][199:], [])
    assert live(machine, poisoned(130), due=100)[1] == [(130, "crashed")]


def test_on_machines_with_a_directory_each_every_one_counts_for_itself(
    tmp_path: Path,
) -> None:
    """The event goes from one to the next until one that has died three times gets it again."""
    machines = [Machine(tmp_path / name, {POISON}) for name in ("a", "b", "c")]
    deaths = 0
    for machine in cycle(machines):
        try:
            scores, dead = live(machine, poisoned(130))
            break
        except DeathError:
            deaths += 1
    assert deaths == 3 * 3, "in turn, the most that it can take"
    assert dead == [(130, "crashed")]
    assert scores == without(130)[0]
    models = machines[-1].start()
    scores, dead = put_out(models, poisoned(130))
    assert (scores, dead) == (without(130)[0], [(130, "crashed")]), "the others know it too"


def test_one_that_kills_while_it_is_learned_again_is_found_as_well(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    live(machine, poisoned(130))
    machine.deadly = {POISON}  # it had passed before
    for _ in range(3):
        with pytest.raises(DeathError):
            live(machine, poisoned(130), due=300)
    scores, dead = live(machine, poisoned(130), due=300)
    assert (scores, dead) == (without(130)[0][299:], [])


def test_several_killers_are_found_one_by_one(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {POISON})
    deaths = 0
    while True:
        try:
            scores, dead = live(machine, poisoned(0, 130, 131))
            break
        except DeathError:
            deaths += 1
    assert deaths == 9
    assert dead == [(0, "crashed"), (130, "crashed"), (131, "crashed")]
    assert scores == without(0, 130, 131)[0]


def test_an_event_with_which_others_kill_is_innocent(tmp_path: Path) -> None:
    """A process that is killed at another event each time sets none aside."""
    machine = Machine(tmp_path)
    stream = records(0, 400)
    for at in (130, 131, 132, 20, 130, 131, 130, 20):
        machine.deadly = {stream[at].value or b""}
        with pytest.raises(DeathError):
            live(machine, stream)
    machine.deadly = set()
    assert live(machine, stream) == (without()[0], [])
    # what was suspected is cleared now: two more deaths there do not add up with those before
    for _ in range(2):
        machine.deadly = {stream[130].value or b""}
        with pytest.raises(DeathError):
            live(machine, stream)
    machine.deadly = set()
    assert live(machine, stream)[1] == []


def test_what_stands_at_its_place_in_a_topic_made_anew_is_innocent(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {POISON})
    for _ in range(3):
        with pytest.raises(DeathError):
            live(machine, poisoned(130))
    assert live(machine, poisoned(130))[1] == [(130, "crashed")]
    assert live(machine, records(0, 400)) == (without()[0], [])


def test_an_orderly_end_in_the_middle_of_a_block_is_no_death(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {POISON})
    with pytest.raises(DeathError):
        live(machine, poisoned(130))
    machine._left.clear()  # as if it was a second Ctrl-C, which runs what cleans up
    assert Journal(tmp_path / "t-0.journal").interrupted is None


def test_a_journal_that_cannot_be_written_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    models = Machine(tmp_path).start()
    with monkeypatch.context() as patch:
        patch.setattr("os.pwrite", full)
        scores = put_out(models, records(0, 200))[0]
    assert scores + put_out(models, records(200, 400))[0] == without()[0]
    assert caplog.text.count("No space left on device") == 1
    (tmp_path / "t-0.journal").unlink()
    (tmp_path / "t-0.journal").mkdir()
    assert live(Machine(tmp_path), records(0, 400))[0] == without()[0]
    assert "t-0.journal cannot be written (Is a directory)" in caplog.text


@pytest.mark.parametrize(
    ("settings", "has_one"),
    [
        ({}, False),
        ({"checkpoint": "topic:state"}, False),
        ({"checkpoint": "a directory"}, True),
        ({"journal": "a directory"}, True),
    ],
)
def test_a_job_without_a_journal_says_once_what_it_does_not_find(
    settings: dict[str, str], has_one: bool, caplog: pytest.LogCaptureFixture
) -> None:
    _journals(replace(job(), service=Service(**settings)))
    assert [line.startswith("service.journal names no") for line in caplog.messages] == (
        [] if has_one else [True]
    )


def test_a_journal_that_is_none_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "t-0.journal").write_bytes(b"\xff" * 5000)
    machine = Machine(tmp_path, {POISON})
    for _ in range(3):
        with pytest.raises(DeathError):
            live(machine, poisoned(130))
    assert live(machine, poisoned(130))[1] == [(130, "crashed")]
