"""JSON blocks that no command prints: of which kind, and that they have what the code writes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.config import load_preset, preset_names
from streamgmm.service.records import AlertRecord, ScoreRecord

if TYPE_CHECKING:
    from tests.docs.blocks import Block

_LOG = {"time", "level", "logger", "message"}
_LOG_PLACE = {"event_id", "partition", "offset", "repeats", "exception"}
_WEBHOOK = {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
_ALERTING = ("summary", "description", "runbook_url")


def look_at_json(block: Block) -> str:
    """Parse a block, one value or a value a line, and hold its members to the code's."""
    try:
        values = [json.loads(block.text)]
    except ValueError:
        values = [json.loads(line) for line in block.text.splitlines() if line.strip()]
    kinds = {_kind(value, block.mark) for value in values}
    return f"members looked at: {', '.join(sorted(kinds))}"


def _kind(value: dict[str, Any], mark: str) -> str:
    names = set(value)
    if mark == "alert" or (not mark and "reasons" in names):
        msgspec.convert(value, AlertRecord, strict=True)
        _no_others(names, _members(AlertRecord))
        for reason in value["reasons"]:
            _no_others(set(reason), _members(_why()))
        return "an alert"
    if mark == "score" or (not mark and "p_value" in names):
        msgspec.convert(value, ScoreRecord, strict=True)
        _no_others(names, _members(ScoreRecord))
        return "a score"
    if mark == "log" or (not mark and names >= _LOG):
        assert names >= _LOG, f"a line of the log lacks {_LOG - names}"
        _no_others(names, _LOG | _LOG_PLACE)
        return "a line of the log"
    if mark == "webhook" or (not mark and names >= {"labels", "annotations"}):
        _no_others(names, _WEBHOOK)
        _no_others(set(value["annotations"]), set(_ALERTING))
        return "an alert of Alertmanager"
    for preset in preset_names():
        config = load_preset(preset)
        fields = {one.source for one in config.schema().fields}
        if names >= fields:
            return f"an event of {preset}"
    raise AssertionError(
        f"an object with {', '.join(sorted(names))} is neither alert, score, line of the log, "
        "webhook nor an event of a preset; say which in the fence (```json alert)"
    )


def _why() -> type[msgspec.Struct]:
    from streamgmm.service.records import WhyRecord

    return WhyRecord


def _members(record: type[msgspec.Struct]) -> set[str]:
    return set(record.__struct_fields__)


def _no_others(names: set[str], known: set[str]) -> None:
    assert names <= known, (
        f"nothing writes {', '.join(sorted(names - known))}; known are {sorted(known)}"
    )
