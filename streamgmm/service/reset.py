"""Forgetting a job's state: all its checkpoints, not the positions that its group has committed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamgmm.config import KafkaInput
from streamgmm.errors import StateError
from streamgmm.service.journal import clear_journals
from streamgmm.service.stores import store_of, workers_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgmm.config import Config

__all__ = ["Forgotten", "reset"]

_POSITIONS: Final = (
    "The positions that the group {group} has committed stay: the job goes on from there, with "
    "empty models, and puts nothing out twice. To begin the input anew, set them back as well "
    "(kafka-consumer-groups.sh --reset-offsets)."
)
_LINES: Final = (
    "Where the job was in its file goes with the state: it begins the file anew, and what it puts "
    "out is appended again."
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a reset forgets.

    Attributes
    ----------
    models
        Their names, and of how many events each has learned; None where that cannot be read.
    where
        The place of the checkpoints.
    positions
        What becomes of the positions in the input, in words.
    """

    models: dict[str, int | None]
    where: str
    positions: str


def reset(config: Config, agreed: Callable[[Forgotten], bool]) -> bool:
    """Remove all checkpoints of a job.

    Parameters
    ----------
    config
        The job, which must not run.
    agreed
        Asked, with what would be forgotten, before anything is; not if there is nothing.

    Returns
    -------
    bool
        Whether anything was forgotten.

    Raises
    ------
    StateError
        If a worker of the job runs, or somebody else changes its state.
    ConfigError, BrokerError
        If the job keeps no checkpoints, or whether it runs cannot be known.
    """
    store = store_of(config)
    source = config.source
    with store.held(alone=True):
        _require_rest(config)
        models = {}
        for name in store.names():
            known = [one.checkpoint for one in store.entries(name)]
            seen = [_seen(one.state) for one in known if one is not None]
            models[name] = seen[0] if seen else None
        kept = _LINES
        if isinstance(source, KafkaInput):
            kept = _POSITIONS.format(group=repr(source.group))
        if not models or not agreed(Forgotten(models, store.where, kept)):
            return False
        _require_rest(config)  # a person takes time to answer
        store.clear()
        if config.service.journal_directory:
            clear_journals(Path(config.service.journal_directory))
    return True


def _require_rest(config: Config) -> None:
    if isinstance(config.source, KafkaInput) and workers_of(config):
        raise StateError(
            f"workers of the group {config.source.group!r} are running: stop all of them first "
            "(one that was killed counts until source.session_timeout is over)"
        )


def _seen(state: object) -> int | None:
    try:
        return int(state["detector"]["learner"]["n_seen"])  # type: ignore[index]
    except (KeyError, TypeError):
        return None
