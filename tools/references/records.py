"""`docs/records.md`: what a job writes, and the schema of it for programs."""

from __future__ import annotations

from typing import Any

import msgspec

from streamgmm.events.faults import REASONS
from streamgmm.service.records import AlertRecord, IncidentRecord, ScoreRecord, WhyRecord
from tools.references.tables import table

_SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def blocks() -> dict[str, str]:
    """Write a table for each kind of object, and one of the dead letters' reasons."""
    scores = _members(ScoreRecord)
    alerts = [row for row in _members(AlertRecord) if row not in scores]
    heads = ("member", "type", "meaning")
    return {
        "scores": table(heads, scores),
        "alerts": table(heads, alerts),
        "reasons": table(heads, _members(WhyRecord)),
        "incidents": table(heads, _members(IncidentRecord)),
        "dead letters": table(
            ("reason", "meaning"), [(f"`{reason}`", text) for reason, text in REASONS.items()]
        ),
    }


def alert_schema() -> str:
    """Write the JSON Schema of an alert; without what alerts alone have it is that of a score."""
    schema = msgspec.json.schema(AlertRecord)
    for definition in schema["$defs"].values():
        text = definition["description"]
        definition["description"] = " ".join(text.split())
    told = {"$schema": _SCHEMA, "title": "An alert of streamgmm", **schema}
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _members(record: type[msgspec.Struct]) -> list[tuple[str, str, str]]:
    (definition,) = (
        one for name, one in msgspec.json.schema(record)["$defs"].items() if name == record.__name__
    )
    return [
        (f"`{name}`", _type_of(member), member["description"])
        for name, member in definition["properties"].items()
    ]


def _type_of(member: dict[str, Any]) -> str:
    if "anyOf" in member:
        return " or ".join(_type_of(one) for one in member["anyOf"])
    if "$ref" in member:
        return "object"
    if member.get("type") == "array":
        return "array of objects"
    return str(member.get("type", "object"))
