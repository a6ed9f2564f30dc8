"""The mailbox between HTTP's threads and the loop, and what is done with commands."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from streamgmm.detection import UnknownIncidentError
from streamgmm.service.commands import Answer, Command, Commands, UnknownModelError
from streamgmm.service.incidents import carry_out, parse_incident
from tests.detection.test_incidents import started


class Asking(threading.Thread):
    """Somebody who asks and waits for the answer."""

    def __init__(self, commands: Commands, command: Command) -> None:
        super().__init__(daemon=True)
        self.commands, self.command = commands, command
        self.answer: Answer | None = None
        self.start()

    def run(self) -> None:
        self.answer = self.commands.ask(self.command)

    def told(self) -> Answer:
        self.join(10)
        assert self.answer is not None
        return self.answer


def done(commands: Commands, do: Any) -> bool:
    """Carry out what is asked for, as soon as it is there."""
    while not commands._waiting:
        threading.Event().wait(0.001)
    return commands.carry_out(do)


def test_a_change_is_answered_when_it_is_saved() -> None:
    commands = Commands()
    asking = Asking(commands, Command("freeze"))
    assert done(commands, lambda command: {"did": command.action})
    assert asking.answer is None
    commands.confirm(saved=True)
    assert asking.told() == Answer(200, {"did": "freeze", "saved": True})
    assert not commands.carry_out(lambda _: {})


def test_a_change_that_was_lost_with_a_transaction_is_taken_back() -> None:
    commands = Commands()
    asking = Asking(commands, Command("freeze"))
    assert done(commands, lambda _: {})
    commands.undo()
    answer = asking.told()
    assert answer.status == 503
    assert "nothing was changed; ask again" in answer.body["error"]


def test_a_change_that_cannot_be_saved_says_so() -> None:
    commands = Commands()
    asking = Asking(commands, Command("freeze"))
    assert done(commands, lambda _: {})
    commands.confirm(saved=False)
    body = asking.told().body
    assert body["saved"] is False
    assert "a crash before the next one takes it back" in body["note"]


def test_a_question_needs_no_checkpoint() -> None:
    commands = Commands()
    asking = Asking(commands, Command("list"))
    assert not done(commands, lambda _: {"incidents": []})
    assert asking.told() == Answer(200, {"incidents": []})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (UnknownIncidentError("none"), 404),
        (UnknownModelError("none"), 404),
        (ValueError("no"), 409),
    ],
)
def test_what_is_refused_is_answered_at_once(error: Exception, status: int) -> None:
    def refuse(_: Command) -> dict[str, Any]:
        raise error

    commands = Commands()
    asking = Asking(commands, Command("accept", "t-0:3"))
    assert not done(commands, refuse)
    assert asking.told() == Answer(status, {"error": str(error)})


def test_a_busy_job_leaves_nothing_behind() -> None:
    commands = Commands()
    answer = commands.ask(Command("freeze"), patience=0.01)
    assert answer.status == 503
    assert "nothing was changed" in answer.body["error"]
    assert not commands.carry_out(lambda _: {})


def test_a_change_that_waits_too_long_for_its_checkpoint_is_told_as_it_is() -> None:
    commands = Commands()
    answers: list[Answer] = []
    asking = threading.Thread(
        target=lambda: answers.append(commands.ask(Command("freeze"), patience=0.5))
    )
    asking.start()
    assert done(commands, lambda _: {})
    asking.join(10)
    assert answers[0].status == 200
    assert answers[0].body["saved"] is False


def test_the_end_of_the_job_is_told() -> None:
    commands = Commands()
    asking = Asking(commands, Command("freeze"))
    while not commands._waiting:
        threading.Event().wait(0.001)
    commands.close()
    assert asking.told().status == 503
    assert commands.ask(Command("list")).body == {"error": "the job has ended: nothing was changed"}


# ---- what they do ------------------------------------------------------------------------


def test_incidents_are_named_after_their_model() -> None:
    assert parse_incident("flows-0:7", {"flows-0": 0, "flows-1": 0}) == ("flows-0", 7)
    assert parse_incident("7", {"flows-0": 0}) == ("flows-0", 7)
    assert parse_incident("a:b:7", {"a:b": 0}) == ("a:b", 7)
    for name in ("7", "flows-2:7", "flows-0:x", "flows-0:-1", "", "flows-0:"):
        with pytest.raises(UnknownModelError, match="models here are: flows-0, flows-1"):
            parse_incident(name, {"flows-1": 0, "flows-0": 0})


def test_an_operator_s_commands() -> None:
    models = {"flows-0": started(), "flows-1": started(1)}
    told = carry_out(Command("list"), models)
    assert told["models"]["flows-1"] == {"frozen": False, "ready": True}
    first = told["incidents"][0]
    assert (first["id"], first["standing"]) == ("flows-0:1", "open")
    assert first["text"].startswith("new behaviour 1: ")
    assert first["first_time"].startswith("1970-01-01T00:")
    assert first["alerts"] > 0

    told = carry_out(Command("mute", "flows-0:1"), models)
    assert told["incident"]["standing"] == "muted"
    assert "no alerts any more" in told["done"]
    assert models["flows-1"].incidents[0].standing == "open"
    assert carry_out(Command("unmute", "flows-0:1"), models)["incident"]["standing"] == "open"
    told = carry_out(Command("accept", "flows-0:1"), models)
    assert told["incident"]["standing"] == "accepted"
    assert told["incident"]["text"].startswith("accepted behaviour 1: ")
    assert np.isinf(models["flows-0"].mixture.tenure).any()
    assert not np.isinf(models["flows-1"].mixture.tenure).any()
    with pytest.raises(UnknownIncidentError):
        carry_out(Command("accept", "flows-0:99"), models)

    for _ in range(2):
        told = carry_out(Command("freeze"), models)
        assert told["models"]["flows-0"]["frozen"]
        assert all(detector.frozen for detector in models.values())
    carry_out(Command("unfreeze"), models)
    assert not any(detector.frozen for detector in models.values())


def test_a_command_reads_in_the_log_as_an_operator_gives_it() -> None:
    assert [str(Command("freeze")), str(Command("mute", "t-0:7"))] == ["freeze", "mute t-0:7"]
