"""The terms a model learns under, and which of them may change while it goes on.

A checkpoint carries the terms it was learned under, as a fingerprint and a text with a line a key.
What is learned again is learned under these; the job's own hold from the committed position on.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from streamgmm.detection import Budget
from streamgmm.errors import StateError
from streamgmm.service.settings import detector_settings, shaping_configuration

if TYPE_CHECKING:
    from streamgmm.config import Config
    from streamgmm.detection import DetectorSettings
    from streamgmm.service.checkpoint import Checkpoint

__all__ = ["Change", "Terms", "terms_of"]

# Keys that a model can go on under another value of; all others decide what its state means.
CHANGEABLE: Final = (
    "alerts.budget",
    "events.max_ahead",
    "model.established",
    "model.gate",
    "model.half_life",
    "model.structure",
)
_OFF: Final = "'off'"  # as a line has it


@dataclass(frozen=True, slots=True)
class Change:
    """A key whose value differs, each value as its line has it; None: no such line."""

    key: str
    then: str | None
    now: str | None

    @property
    def allowed(self) -> bool:
        """Whether a model can go on over it. A gate that is off has no state to begin with."""
        if self.then is None or self.now is None:
            return False
        return self.key in CHANGEABLE and not (
            self.key == "model.gate" and _OFF in (self.then, self.now)
        )


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model learns under.

    Attributes
    ----------
    settings
        Of its detector.
    max_ahead
        Of the event clocks of its partitions, s.
    fingerprint, text
        What its checkpoints carry of it.
    """

    settings: DetectorSettings
    max_ahead: float
    fingerprint: str
    text: str

    @classmethod
    def of(cls, config: Config) -> Terms:
        """Give the terms of a job."""
        return cls(
            settings=detector_settings(config),
            max_ahead=config.events.max_ahead,
            fingerprint=config.fingerprint(),
            text=shaping_configuration(config),
        )

    def changes(self, since: str) -> list[Change]:
        """Give the keys that differ from those of an older text, sorted."""
        then, now = _values(since), _values(self.text)
        return [
            Change(key, then.get(key), now.get(key))
            for key in sorted(then.keys() | now.keys())
            if then.get(key) != now.get(key)
        ]


def terms_of(checkpoint: Checkpoint, config: Config, remedy: str) -> Terms:
    """Give the terms that a checkpoint was learned under.

    Raises
    ------
    StateError
        If its model cannot go on under those of `config`: naming every key that differs, which of
        them may, and the `remedy`.
    """
    terms = Terms.of(config)
    changes = terms.changes(_text_of(checkpoint, config))
    if all(change.allowed for change in changes):
        then = Terms.of(_with(config, changes))
        # The fingerprint knows what no line tells: whether the lines still mean the same.
        if then.fingerprint == checkpoint.fingerprint:
            return then
    raise StateError(_refusal(checkpoint.name, changes, remedy))


def _with(config: Config, changes: list[Change]) -> Config:
    """Give the job as it was before these changes, all of which are allowed."""
    sections: dict[str, dict[str, Any]] = {"alerts": {}, "events": {}, "model": {}}
    for change in changes:
        section, _, key = change.key.partition(".")
        sections[section][key] = ast.literal_eval(str(change.then))
    return replace(
        config,
        **{name: replace(getattr(config, name), **then) for name, then in sections.items()},
    )


def _text_of(checkpoint: Checkpoint, config: Config) -> str:
    """Give a checkpoint's text; one that lacks the budget, with that of its detector's settings."""
    text = checkpoint.configuration
    if "alerts.budget" in _values(text):
        return text
    now = config.alerts.budget
    then = Budget(**checkpoint.state["detector"]["settings"]["budget"])
    value = then.probability if then.per_day is None else f"{then.per_day!r}/day"
    return f"{text}\nalerts.budget = {(now if then == Budget.parse(now) else value)!r}"


def _values(text: str) -> dict[str, str]:
    """Give the values of a text's lines by their keys.

    The name of a field may look like a line of another one. Such a pair is told apart by the
    fingerprint alone.
    """
    parts = (line.partition(" = ") for line in text.splitlines())
    return {key: value for key, _, value in parts}


def _refusal(name: str, changes: list[Change], remedy: str) -> str:
    lines = [
        f"  {sign} {change.key} = {value}"
        for change in changes
        for sign, value in (("-", change.then), ("+", change.now))
        if value is not None
    ]
    fixed = ", ".join(change.key for change in changes if not change.allowed)
    free = ", ".join(change.key for change in changes if change.allowed)
    verdict = f"a model cannot go on with another {fixed}"
    if not changes:
        verdict = "the keys are the same, but mean something else in the release that wrote it"
    elif free:
        verdict += f" ({free} may change)"
    return (
        f"the checkpoint of {name} was learned under another configuration (- then, + now):\n"
        + "\n".join(lines)
        + f"\n{verdict}: put the old values back, or {remedy}"
    )
