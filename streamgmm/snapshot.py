"""Plain arrays to bytes and back: the format in which every state is kept.

A snapshot is a fixed header followed by MessagePack::

    magic    8 bytes   b"SGMMSNAP"
    version  2 bytes   unsigned, little endian
    length   8 bytes   of the body, unsigned, little endian
    digest  16 bytes   BLAKE2b of version, length and body
    body               MessagePack of the state

The header never changes its shape, so any release can tell a damaged snapshot from a newer one.
Arrays are MessagePack extension 1 (data type, shape and the raw C-ordered bytes), integers beyond
64 bits extension 2: what comes back is equal bit for bit, NaN payloads and negative zeros
included. Nothing in a snapshot can run code.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from streamgmm.errors import StateError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["VERSION", "pack", "refusal", "unpack"]

VERSION: Final = 1
_MAGIC: Final = b"SGMMSNAP"
_SIZES: Final = struct.Struct("<HQ")
_DIGEST_BYTES: Final = 16
_HEADER_BYTES: Final = len(_MAGIC) + _SIZES.size + _DIGEST_BYTES
_ARRAY: Final = 1
_BIG_INT: Final = 2
_DTYPES: Final = frozenset(
    ["|b1", "|i1", "|u1"]
    + [f"<{kind}{size}" for kind in "iu" for size in (2, 4, 8)]
    + ["<f4", "<f8"]
)


def pack(state: Mapping[str, Any]) -> bytes:
    """Write a state as bytes.

    Parameters
    ----------
    state
        A mapping whose values are None, bool, int, float, str, bytes, numeric arrays, and lists
        and string-keyed mappings of these, to any depth. Tuples become lists, NumPy scalars
        become Python ones.

    Raises
    ------
    TypeError
        If a value is none of these; the message names where it stands.

    Examples
    --------
    >>> unpack(pack({"seen": 3, "mu": np.array([1.0, 2.0])}))
    {'seen': 3, 'mu': array([1., 2.])}
    """
    body = msgspec.msgpack.encode(_to_plain(state, "state"))
    sizes = _SIZES.pack(VERSION, len(body))
    return b"".join((_MAGIC, sizes, _digest(sizes, body), body))


def unpack(data: bytes) -> dict[str, Any]:
    """Read a state that `pack` wrote; its arrays are fresh, writable and C-ordered.

    Raises
    ------
    StateError
        If the bytes are no snapshot, are cut short, are damaged, or come from a newer release.
    """
    version, body = _open_envelope(data)
    if version > VERSION:
        raise StateError(
            f"the snapshot has format version {version}, but this release of streamgmm reads "
            f"versions up to {VERSION}: upgrade streamgmm, or start from an older snapshot"
        )
    try:
        state = msgspec.msgpack.decode(body, ext_hook=_from_extension)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        raise StateError(f"the snapshot's body cannot be read: {error}") from error
    if not isinstance(state, dict):
        raise StateError(f"the snapshot holds a {type(state).__name__} where a mapping is due")
    return state


def refusal(what: str, found: object, reads: int) -> str:
    """Say why a state that is laid out in another version is not read, and what to do.

    Examples
    --------
    >>> print(refusal("the model", 7, reads=6))
    the model is laid out in version 7, but this release of streamgmm reads version 6: upgrade
    streamgmm, or use an older one
    """
    newer = isinstance(found, int) and found > reads
    return (
        f"{what} is laid out in version {found!r}, but this release of streamgmm reads version "
        f"{reads}: "
        + (
            "upgrade streamgmm, or use an older one"
            if newer
            else "use the release that wrote it, or begin afresh"
        )
    )


def _open_envelope(data: bytes) -> tuple[int, bytes]:
    if data[: len(_MAGIC)] != _MAGIC:
        raise StateError("not a streamgmm snapshot: it does not begin with SGMMSNAP")
    if len(data) < _HEADER_BYTES:
        raise StateError(
            f"the snapshot is cut short: {len(data)} bytes, its header alone has {_HEADER_BYTES}"
        )
    sizes = data[len(_MAGIC) : len(_MAGIC) + _SIZES.size]
    digest = data[len(_MAGIC) + _SIZES.size : _HEADER_BYTES]
    body = data[_HEADER_BYTES:]
    version, length = _SIZES.unpack(sizes)
    if len(body) < length:
        raise StateError(f"the snapshot is cut short: {len(body)} of {length} bytes are there")
    if len(body) > length or _digest(sizes, body) != digest:
        raise StateError("the snapshot is damaged: its checksum does not match its content")
    return version, body


def _digest(sizes: bytes, body: bytes) -> bytes:
    checksum = hashlib.blake2b(sizes, digest_size=_DIGEST_BYTES)
    checksum.update(body)
    return checksum.digest()


def _to_plain(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        return _to_plain(value.item(), where)
    if value is None or isinstance(value, (bool, float, str, bytes)):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else _big_int_extension(value)
    if isinstance(value, np.ndarray):
        return _array_extension(value, where)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where} has the key {key!r}: keys of a state must be str")
        return {key: _to_plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise TypeError(
        f"{where} is a {type(value).__name__}: a state may hold None, bool, int, float, str, "
        "bytes, numeric arrays, lists and mappings"
    )


def _big_int_extension(value: int) -> msgspec.msgpack.Ext:
    size = value.bit_length() // 8 + 1
    return msgspec.msgpack.Ext(_BIG_INT, value.to_bytes(size, "little", signed=True))


def _array_extension(array: NDArray[Any], where: str) -> msgspec.msgpack.Ext:
    little = array.dtype.newbyteorder("<")
    if little.str not in _DTYPES:
        raise TypeError(
            f"{where} is an array of {array.dtype}: a state may hold arrays of bool, integers and "
            "floats of up to 64 bits"
        )
    raw = np.ascontiguousarray(array, dtype=little).tobytes()
    return msgspec.msgpack.Ext(_ARRAY, msgspec.msgpack.encode((little.str, list(array.shape), raw)))


def _from_extension(code: int, data: memoryview) -> Any:
    if code == _BIG_INT:
        return int.from_bytes(data, "little", signed=True)
    if code != _ARRAY:
        raise ValueError(f"unknown extension {code}")
    dtype, shape, raw = msgspec.msgpack.decode(data, type=tuple[str, list[int], bytes])
    if dtype not in _DTYPES:
        raise ValueError(f"unknown data type {dtype!r} of an array")
    if any(length < 0 for length in shape) or math.prod(shape) * np.dtype(dtype).itemsize != len(
        raw
    ):
        raise ValueError(f"an array of {dtype} with shape {shape} cannot have {len(raw)} bytes")
    native = np.dtype(dtype).newbyteorder("=")
    return np.frombuffer(raw, dtype=dtype).astype(native, copy=True).reshape(shape)
