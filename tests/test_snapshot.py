from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streamgmm import snapshot
from streamgmm.errors import StateError

dtypes = st.sampled_from(["?", "i1", "u1", "i2", "i4", "i8", "u8", "f4", "f8", ">f8", ">i4"])
arrays = dtypes.flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**130), max_value=2**130)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8)
)
states = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        scalars | arrays,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


def assert_identical(got: Any, sent: Any) -> None:
    """Equal to the last bit, not only as numbers: NaN equals NaN, 0.0 differs from -0.0."""
    if isinstance(sent, np.ndarray):
        assert isinstance(got, np.ndarray)
        assert got.shape == sent.shape
        assert got.dtype == sent.dtype.newbyteorder("=")
        assert got.tobytes() == sent.astype(got.dtype).tobytes()
    elif isinstance(sent, dict):
        assert list(got) == list(sent)
        for key in sent:
            assert_identical(got[key], sent[key])
    elif isinstance(sent, list):
        assert len(got) == len(sent)
        for one, other in zip(got, sent, strict=True):
            assert_identical(one, other)
    elif isinstance(sent, float):
        assert type(got) is float
        assert struct.pack("d", got) == struct.pack("d", sent)
    else:
        assert type(got) is type(sent)
        assert got == sent


@settings(max_examples=150, deadline=None)
@given(states)
def test_round_trip_is_bit_exact(state: dict[str, Any]) -> None:
    assert_identical(snapshot.unpack(snapshot.pack(state)), state)


def test_packing_is_a_function_of_the_state_alone() -> None:
    state = {"a": np.arange(6.0).reshape(2, 3), "b": [1, 2.0, "x"]}
    assert snapshot.pack(state) == snapshot.pack(snapshot.unpack(snapshot.pack(state)))


def test_arrays_come_back_writable_and_in_any_memory_order() -> None:
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))[:, ::-1]
    got = snapshot.unpack(snapshot.pack({"a": array}))["a"]
    got[0, 0] = 9.0
    assert np.array_equal(got[1], array[1])


def test_nan_payloads_survive() -> None:
    payload = np.array([0x7FF80000DEADBEEF], dtype=np.uint64).view(np.float64)
    got = snapshot.unpack(snapshot.pack({"a": payload}))["a"]
    assert got.view(np.uint64)[0] == 0x7FF80000DEADBEEF


def test_random_generators_fit() -> None:
    state = np.random.default_rng(7).bit_generator.state
    assert snapshot.unpack(snapshot.pack(state)) == state


def test_numpy_scalars_and_tuples_become_plain() -> None:
    state = {"n": np.int64(3), "x": np.float32(0.5), "b": np.True_, "t": (1, 2)}
    assert_identical(
        snapshot.unpack(snapshot.pack(state)), {"n": 3, "x": 0.5, "b": True, "t": [1, 2]}
    )


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"a": [object()]}, r"state\['a'\]\[0\] is an? object"),
        ({"a": {1: 2}}, r"state\['a'\] has the key 1"),
        ({"a": np.array(["x"], dtype=object)}, "array of object"),
        ({"a": np.zeros(1, dtype=np.longdouble)}, "array of"),
    ],
)
def test_what_cannot_be_kept_is_named(value: dict[str, Any], where: str) -> None:
    with pytest.raises(TypeError, match=where):
        snapshot.pack(value)


SAMPLE = snapshot.pack({"mu": np.arange(20.0), "seen": 5})


@given(st.integers(min_value=0, max_value=len(SAMPLE) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(place: int, change: int) -> None:
    damaged = bytearray(SAMPLE)
    damaged[place] ^= change
    with pytest.raises(StateError):
        snapshot.unpack(bytes(damaged))


@given(st.integers(min_value=0, max_value=len(SAMPLE) - 1))
def test_any_truncation_is_refused(length: int) -> None:
    with pytest.raises(StateError, match=r"cut short|not a streamgmm snapshot"):
        snapshot.unpack(SAMPLE[:length])


def test_trailing_bytes_are_refused() -> None:
    with pytest.raises(StateError, match="damaged"):
        snapshot.unpack(SAMPLE + b"x")


def test_a_newer_version_is_refused_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(snapshot, "VERSION", 7)
        newer = snapshot.pack({"a": 1})
    with pytest.raises(StateError, match=r"version 7.*up to 1: upgrade streamgmm"):
        snapshot.unpack(newer)


@pytest.mark.parametrize(
    "body",
    [
        msgspec.msgpack.encode([1, 2]),
        msgspec.msgpack.encode({"a": msgspec.msgpack.Ext(9, b"")}),
        msgspec.msgpack.encode(
            {"a": msgspec.msgpack.Ext(1, msgspec.msgpack.encode(("<f8", [3], b"12345678")))}
        ),
        msgspec.msgpack.encode(
            {"a": msgspec.msgpack.Ext(1, msgspec.msgpack.encode(("|O", [1], b"12345678")))}
        ),
        b"\x91" * 100_000 + b"\x01",
    ],
    ids=["no mapping", "unknown extension", "wrong length", "object array", "deep nesting"],
)
def test_a_valid_envelope_around_nonsense_is_refused(body: bytes) -> None:
    sizes = struct.pack("<HQ", 1, len(body))
    data = b"SGMMSNAP" + sizes + snapshot._digest(sizes, body) + body
    with pytest.raises(StateError, match=r"cannot be read|where a mapping is due"):
        snapshot.unpack(data)
