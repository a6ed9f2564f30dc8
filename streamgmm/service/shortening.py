"""Outputs that are larger than their topic takes: what is left out, and how a reader can tell.

An alert's event becomes an object with its length, its checksum and how it begins; a key that is
still too long becomes its beginning with length and checksum; reasons go last. Of a dead letter
less of the original is kept, as its headers tell length and checksum anyway.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from streamgmm.io.client import Message

__all__ = ["mark_of", "shortened"]

_EVENT_BEGINS: Final = 1024  # characters
_KEY_BEGINS: Final = 128  # characters
_DETAIL: Final = 100  # bytes


def mark_of(event: bytes) -> dict[str, Any]:
    """Give what stands for an event that is too large."""
    return {
        "truncated": True,
        "length": len(event),
        "checksum": _checksum(event),
        "begins": event[: 4 * _EVENT_BEGINS].decode(errors="replace")[:_EVENT_BEGINS],
    }


def shortened(message: Message, room: int) -> Message | None:
    """Make a message fit into `room` bytes; None if it cannot be done."""
    is_dead = any(name == "reason" for name, _ in message.headers)
    short = _dead_letter(message, room) if is_dead else _record(message, room)
    return short if short.size <= room else None


def _dead_letter(message: Message, room: int) -> Message:
    excess = message.size - room
    value = message.value or b""
    if excess > len(value):
        headers = [
            (name, text[:_DETAIL] if name == "detail" else text) for name, text in message.headers
        ]
        message = message._replace(headers=headers, key=None)
        excess = message.size - room
    return message._replace(value=value[: max(0, len(value) - max(0, excess))])


def _record(message: Message, room: int) -> Message:
    """Shorten a score or an alert, step by step until it fits."""
    fields: dict[str, Any] = msgspec.json.decode(
        message.value or b"{}", type=dict[str, msgspec.Raw]
    )
    for step in (_mark_event, _cut_key, _shorten_mark, _drop_reasons):
        message = step(message, fields)._replace(value=msgspec.json.encode(fields))
        if message.size <= room:
            break
    return message


def _mark_event(message: Message, fields: dict[str, Any]) -> Message:
    event = bytes(fields.get("event", b"null"))
    if event != b"null" and not _is_mark(event):
        fields["event"] = msgspec.Raw(msgspec.json.encode(mark_of(event)))
    return message


def _shorten_mark(message: Message, fields: dict[str, Any]) -> Message:
    event = bytes(fields.get("event", b"null"))
    if _is_mark(event):
        fields["event"] = {**msgspec.json.decode(event), "begins": ""}
    return message


def _is_mark(event: bytes) -> bool:
    return event.startswith(b'{"truncated":true,') and len(event) < 8 * _EVENT_BEGINS


def _cut_key(message: Message, fields: dict[str, Any]) -> Message:
    key = message.key or b""
    text = key.decode(errors="replace")
    if len(text) <= _KEY_BEGINS:
        return message
    cut = f"{text[:_KEY_BEGINS]}... ({len(key)} bytes, {_checksum(key)})"
    fields["key"] = cut
    # The same for all events of the key, so that they stay together.
    return message._replace(key=cut.encode())


def _drop_reasons(message: Message, fields: dict[str, Any]) -> Message:
    if "reasons" in fields:
        fields["reasons"] = []
    return message


def _checksum(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
