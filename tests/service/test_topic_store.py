"""Snapshots as records of a compacted topic: laws that hold whatever compaction leaves."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.errors import StateError
from streamgmm.io.client import StateRecord
from streamgmm.service.checkpoint import Checkpoint
from streamgmm.service.slots import Slots, next_snapshot, occupied, prefix, slots_of
from streamgmm.service.topic_store import TopicStore

if TYPE_CHECKING:
    from collections.abc import Collection

CHUNK = 7
snapshots = st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=8)


def compacted(log: list[tuple[bytes, bytes | None]]) -> dict[bytes, StateRecord]:
    """What a reader keeps of a log, from which compaction may have taken what is overwritten."""
    latest = dict(log)
    return {
        key: StateRecord(value, float(i), 0)
        for i, (key, value) in enumerate(latest.items())
        if value is not None
    }


def written(one: list[bytes], name: str = "m", keep: int = 2) -> list[tuple[bytes, bytes | None]]:
    """The log of these snapshots of a model."""
    slots, log = Slots(prefix("g", name), {}, {}, {}, 0), []
    for data in one:
        records, slots = next_snapshot(slots, data, {name: len(log)}, keep=keep, chunk=CHUNK)
        log += records
    return log


@given(snapshots, st.integers(1, 4))
def test_the_latest_of_each_slot_come_back(one: list[bytes], keep: int) -> None:
    log = written(one, keep=keep)
    slots = slots_of(compacted(log), "g")["m"]
    assert slots.latest == len(one)
    assert [slots.data(slot) for slot in slots.newest_first()] == one[::-1][:keep]
    assert all(len(value or b"") <= CHUNK for key, value in log if not key.endswith(b"manifest"))
    assert len(log) - 1 == max(i for i, (key, _) in enumerate(log) if key.endswith(b"manifest"))


@given(snapshots, st.data())
def test_compaction_takes_nothing_that_counts(one: list[bytes], data: st.DataObject) -> None:
    """Any record that is overwritten later may be gone, and any order of keys is as good."""
    log = written(one)
    last = {key: i for i, (key, _) in enumerate(log)}
    old = [i for i, (key, _) in enumerate(log) if last[key] != i]
    gone = data.draw(st.sets(st.sampled_from(old))) if old else set()
    left = compacted([record for i, record in enumerate(log) if i not in gone])
    shuffled = {key: left[key] for key in data.draw(st.permutations(sorted(left)))}
    slots = slots_of(shuffled, "g")["m"]
    assert [slots.data(slot) for slot in slots.newest_first()] == one[::-1][:2]


@given(snapshots, st.data())
def test_lost_or_changed_records_never_give_another_snapshot(
    one: list[bytes], data: st.DataObject
) -> None:
    records = compacted(written(one))
    for key in data.draw(st.sets(st.sampled_from(sorted(records)))):
        value = data.draw(st.none() | st.binary(max_size=60))
        if value is None:
            del records[key]
        else:
            records[key] = StateRecord(value, 0.0, 0)
    slots = slots_of(records, "g").get("m")
    for slot in slots.newest_first() if slots else []:
        try:
            assert slots.data(slot) in one
        except StateError:
            continue


@given(snapshots, st.integers(0, 10))
def test_after_a_loss_the_numbers_go_on(one: list[bytes], lost: int) -> None:
    """A worker that finds one slot damaged writes its next snapshot as the newest all the same."""
    records = compacted(written(one))
    damaged = [key for key in records if not key.endswith(b"manifest")][lost % len(records) :][:1]
    for key in damaged:
        del records[key]
    slots = slots_of(records, "g")["m"]
    more, after = next_snapshot(slots, b"the next one", {}, keep=2, chunk=CHUNK)
    again = slots_of(records | compacted(more), "g")["m"]
    newest = again.newest_first()[0]
    assert again.data(newest) == b"the next one"
    assert again.latest == after.latest == len(one) + 1


def test_shorter_snapshots_leave_no_chunks_behind() -> None:
    records = compacted(written([b"x" * 40, b"x" * 40, b"y", b"y"]))
    assert len(records) == 4


def test_names_and_groups_do_not_mix() -> None:
    names = ["flows-1", "flows-11", "a/b", "a b", "1/manifest", "*"]
    records = {}
    for name in names:
        records |= compacted(written([name.encode()], name))
    records |= {b"other": StateRecord(b"?", 0.0, 0), b"g/m/x/0": StateRecord(b"?", 0.0, 0)}
    assert sorted(slots_of(records, "g")) == sorted(names)
    assert slots_of(records, "h") == {}
    assert all(slots_of(records, "g")[name].data(1) == name.encode() for name in names)
    assert len(occupied(records, "g")) == len(records) - 2
    assert occupied(records, "h") == []


def test_a_newer_layout_is_refused_by_its_version() -> None:
    records = compacted(written([b"old", b"new"]))
    key = b"g/m/0/manifest"
    manifest = msgspec.json.decode(records[key].value) | {"version": 2, "unknown": []}
    records[key] = StateRecord(msgspec.json.encode(manifest), 0.0, 0)
    slots = slots_of(records, "g")["m"]
    assert slots.newest_first() == [0, 1]
    with pytest.raises(StateError, match="version 2, but this release of streamgmm reads"):
        slots.data(0)
    assert slots.data(1) == b"old"


# ---- the store over it, with a topic in memory ---------------------------------------------------


@dataclass
class MemoryTopic:
    """A topic and the transaction that is open on it."""

    name: str = "state"
    partitions: int = 1
    records: dict[bytes, StateRecord] = field(default_factory=dict)
    open: list[tuple[bytes, bytes | None, int]] = field(default_factory=list)
    reads: list[set[int]] = field(default_factory=list)
    workers: int = 0

    def send(self, topic, value, key=None, headers=(), partition=None) -> None:
        assert topic == self.name
        self.open.append((key, value, partition))

    def commit(self) -> None:
        for key, value, partition in self.open:
            if value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = StateRecord(value, 1.7e9, partition)
        self.open.clear()

    def read(self, partitions: Collection[int]) -> dict[bytes, StateRecord]:
        self.reads.append(set(partitions))
        return {key: one for key, one in self.records.items() if one.partition in partitions}


def store_on(topic: MemoryTopic, **options) -> TopicStore:
    return TopicStore(topic, "g", topic, members=lambda: topic.workers, **options)


def checkpoint(position: int, name: str = "m") -> Checkpoint:
    state = {"position": position}
    return Checkpoint(
        name=name, positions={name: position}, state=state, fingerprint="", configuration=""
    )


def position(store: TopicStore, name: str = "m", latest: int = 10**9) -> int | None:
    got = store.load(name, lambda one: one.positions[name] <= latest)
    return None if got is None else got.positions[name]


def test_what_is_written_counts_from_the_commit_on() -> None:
    topic = MemoryTopic()
    store = store_on(topic)
    assert store.transactional
    store.write(checkpoint(1))
    assert position(store_on(topic)) is None
    topic.commit()
    assert position(store_on(topic)) == 1
    store.write(checkpoint(2))
    topic.open.clear()
    store.start_over()
    store.write(checkpoint(3))
    topic.commit()
    assert [one.number for one in store_on(topic).entries("m")] == [2, 1]
    assert position(store_on(topic)) == 3


def test_one_ahead_of_the_committed_position_is_passed_over() -> None:
    topic = MemoryTopic()
    store = store_on(topic, committed=topic.commit)
    for at in (5, 9):
        store.write(checkpoint(at))
    assert position(store, latest=7) == 5
    assert position(store, latest=3) is None


def test_a_damaged_newest_falls_back_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    topic = MemoryTopic()
    store = store_on(topic, committed=topic.commit)
    for at in (1, 2):
        store.write(checkpoint(at))
    topic.records[b"g/m/0/00000"] = StateRecord(b"?", 0.0, 0)
    with caplog.at_level(logging.WARNING):
        assert position(store) == 1
    assert "checkpoint 2 of m in topic state (group g) is passed over: it is damaged" in caplog.text
    topic.records[b"g/m/1/manifest"] = StateRecord(b"?", 0.0, 0)
    with pytest.raises(StateError, match=r"(?s)no checkpoint of m in topic state.*streamgmm reset"):
        store.load("m")
    store.write(checkpoint(3))
    assert position(store) == 3


def test_partitions_are_read_once_for_models_opened_in_a_row() -> None:
    topic = MemoryTopic(partitions=3)
    store = store_on(topic, committed=topic.commit)
    names = [f"flows-{i}" for i in range(8)]
    for at, name in enumerate(names):
        store.write(checkpoint(at, name))
    assert {one.partition for one in topic.records.values()} == {0, 1, 2}
    topic.reads.clear()
    fresh = store_on(topic)
    with fresh.opening():
        assert [position(fresh, name) for name in names] == list(range(8))
    assert sorted(one for reads in topic.reads for one in reads) == [0, 1, 2]
    store.write(checkpoint(99, names[0]))
    assert position(fresh, names[0]) == 99, "and anew the next time"


def test_models_are_found_after_partitions_were_added() -> None:
    topic = MemoryTopic(partitions=1)
    store = store_on(topic, committed=topic.commit)
    names = [f"flows-{i}" for i in range(8)]
    for at, name in enumerate(names):
        store.write(checkpoint(at, name))
    topic.partitions = 5
    fresh = store_on(topic, committed=topic.commit)
    assert [position(fresh, name) for name in names] == list(range(8))
    fresh.write(checkpoint(50, names[0]))
    assert {one.partition for one in topic.records.values()} == {0}, "and stay where they are"
    assert position(store_on(topic), names[0]) == 50
    assert fresh.names() == names


def test_clearing_takes_one_group_s_records_alone() -> None:
    topic = MemoryTopic(partitions=2)
    store = store_on(topic, committed=topic.commit)
    other = TopicStore(topic, "h", topic, committed=topic.commit, members=lambda: 0)
    for one in (store, other):
        one.write(checkpoint(1))
    store.clear()
    assert store.names() == []
    assert position(store) is None
    assert position(other) == 1
    store.write(checkpoint(7))
    assert [one.number for one in store.entries("m")] == [1]


def test_who_changes_it_must_be_alone() -> None:
    topic = MemoryTopic(workers=1)
    store = store_on(topic)
    with store.held():
        pass
    with pytest.raises(StateError, match="stop all of them first"), store.held(alone=True):
        pass
    topic.workers = 0
    with store.held(alone=True):
        pass
