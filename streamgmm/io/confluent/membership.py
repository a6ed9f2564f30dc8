"""A member's place in its group, as the library writes it down for transactions."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["is_known", "is_member"]

_MARK: Final = b"CGMDv2:"
_GENERATION: Final = struct.Struct("=i")


def is_known(metadata: bytes) -> bool:
    """Whether `is_member` can tell: the library does not document how it writes this."""
    return metadata.startswith(_MARK) and metadata.count(b"\0", len(_MARK) + 4) >= 2


def is_member(metadata: bytes | None) -> bool:
    """Whether the brokers can tell if this member is left behind.

    One that has been told so, and not joined again, has no generation: its positions would count as
    those of somebody who has no group, and nobody would refuse them.
    """
    if metadata is None or not is_known(metadata):
        return False
    rest = metadata[len(_MARK) :]
    [generation] = _GENERATION.unpack_from(rest)
    _, member, *_ = rest[_GENERATION.size :].split(b"\0")
    return generation > 0 and bool(member)
