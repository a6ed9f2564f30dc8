"""Records as columns say of each what the record itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from streamgmm.events import Record, Records

if TYPE_CHECKING:
    from collections.abc import Sequence

some = st.lists(
    st.builds(
        Record,
        value=st.none() | st.binary(max_size=5),
        position=st.integers(0, 2**62),
        timestamp=st.none() | st.floats(0, 4e9),
        key=st.none() | st.binary(max_size=5),
    ),
    max_size=9,
)


@given(some, st.slices(9))
def test_columns_are_a_sequence_of_their_records(records: list[Record], cut: slice) -> None:
    columns = Records.of(records)
    assert (len(columns), list(columns), Records.of(columns)) == (len(records), records, columns)
    assert list(columns[cut]) == records[cut]


@given(some, st.data())
def test_some_of_the_records(records: list[Record], data: st.DataObject) -> None:
    rows: Sequence[int] = data.draw(
        st.lists(st.sampled_from(range(len(records)))) if records else st.just([])
    )
    assert list(Records.of(records).take(rows)) == [records[row] for row in rows]


def test_lines_have_neither_time_nor_key() -> None:
    lines = Records.of_lines([b"{}", b"[]"], [3, 5])
    assert list(lines) == [Record(b"{}", 3), Record(b"[]", 5)]
