"""The checkpoints that a stopped job could go back to, and going back to one.

The model returns; the position in the input does not. Events that were scored since are neither
put out again nor learned: a bad period is forgotten and skipped.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.errors import StateError
from streamgmm.service.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.config import Config
    from streamgmm.service.checkpoint import Checkpoint, CheckpointStore, Entry

__all__ = ["entries", "revert", "table"]


def entries(store: CheckpointStore, models: list[str] | None = None) -> Iterator[Entry]:
    """Give all checkpoints of these models (None: of all), newest first."""
    for name in store.names() if models is None else models:
        yield from store.entries(name)


def revert(store: CheckpointStore, config: Config, model: str | None, number: int) -> Checkpoint:
    """Put an older model back, as a new checkpoint at the position of the newest one.

    Parameters
    ----------
    model
        Its name; None where there is one only.
    number
        Of the checkpoint to return to, as `entries` gives it.

    Raises
    ------
    StateError
        If there is no such checkpoint, it is damaged, a model cannot go on from it under this
        configuration, or a job is running on the directory.
    OSError
        If it cannot be written.
    """
    with store.held(alone=True):
        name = _only(store, model)
        known = [entry for entry in entries(store, [name]) if entry.checkpoint is not None]
        found = {entry.number: entry.checkpoint for entry in known}
        old, newest = found.get(number), known[0].checkpoint if known else None
        if old is None or newest is None:
            there = ", ".join(str(entry.number) for entry in known) or "none"
            raise StateError(
                f"{name} has no checkpoint {number} in {store.where} that can be read; "
                f"there are: {there}"
            )
        terms_of(old, config, "choose another checkpoint")
        back = replace(newest, state=_state(old.state, newest.state), skip=True)
        store.write(replace(back, fingerprint=old.fingerprint, configuration=old.configuration))
    return old


def _state(old: Any, newest: Any) -> dict[str, Any]:
    """Return the old state, but for what goes with the position and with names given since."""
    partitions = {
        name: {**old["partitions"].get(name, now), "clock": now["clock"]}
        for name, now in newest["partitions"].items()
    }
    # no two incidents of a stream of alerts shall have one name
    following = newest["detector"]["incidents"]["next"]
    incidents = {**old["detector"]["incidents"], "next": following}
    return {
        **old,
        "detector": {**old["detector"], "incidents": incidents},
        "partitions": partitions,
        "mark": newest["mark"],
    }


def _only(store: CheckpointStore, model: str | None) -> str:
    names = store.names()
    if model is None and len(names) == 1:
        return names[0]
    if model is None or model not in names:
        asked = "a model must be named" if model is None else f"there is no model {model!r}"
        raise StateError(f"{asked}; {store.where} has checkpoints of: {', '.join(names) or 'none'}")
    return model


def table(store: CheckpointStore) -> list[tuple[str, ...]]:
    """List all checkpoints for a person; the first row names the columns."""
    rows: list[tuple[str, ...]] = [
        ("model", "number", "written", "size", "events seen", "latest event", "position")
    ]
    for entry in entries(store):
        written, size = _moment(entry.written), f"{entry.size / 1000:,.0f} kB"
        row = (entry.model, str(entry.number), written, size)
        rows.append((*row, *_content(entry.checkpoint)))
    return rows


def _content(checkpoint: Checkpoint | None) -> tuple[str, str, str]:
    if checkpoint is None:
        return "cannot be read", "", ""
    try:
        detector = checkpoint.state["detector"]
        seen, latest = detector["learner"]["n_seen"], detector["incidents"]["time"]
    except (KeyError, TypeError):
        return "not understood", "", ""
    positions = checkpoint.positions
    where = ", ".join(
        f"{position:,}" if len(positions) == 1 else f"{name}: {position:,}"
        for name, position in positions.items()
    )
    back = " (went back)" if checkpoint.skip else ""
    return f"{seen:,}", _moment(latest), where + back


def _moment(seconds: float) -> str:
    if not abs(seconds) < 2.5e11:
        return ""
    return f"{np.datetime64(round(seconds), 's')}Z"
