from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import numpy as np
import pytest

from streamgmm.errors import StateError
from streamgmm.service.checkpoint import Checkpoint
from streamgmm.service.directory_store import DirectoryStore


def checkpoint(position: int = 1, name: str = "flows-0", **changes: str) -> Checkpoint:
    fields = {"fingerprint": "f", "configuration": "model.half_life = 10000"} | changes
    return Checkpoint(
        name=name,
        positions={name: position},
        state={"mu": np.array([position, 0.5])},
        **fields,
    )


def newest_file(directory: Path) -> Path:
    return max(directory.glob("*.sgmm"))


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "a" / "b")
    size = store.write(checkpoint(7))
    got = store.load("flows-0")
    assert got is not None
    assert got.positions == {"flows-0": 7}
    assert got.state["mu"].tolist() == [7.0, 0.5]
    assert size == newest_file(store.directory).stat().st_size


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    assert DirectoryStore(tmp_path).load("flows-0") is None


def test_the_newest_wins_and_old_ones_go(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path, keep=2)
    for position in range(1, 13):
        store.write(checkpoint(position))
    got = store.load("flows-0")
    assert got is not None
    assert got.positions == {"flows-0": 12}
    assert len(list(tmp_path.iterdir())) == 2


def test_names_do_not_mix(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    names = ["flows-1", "flows-11", "flows-1.1", "a/b", "a b.jsonl", "*"]
    for position, name in enumerate(names):
        store.write(checkpoint(position, name))
        store.write(checkpoint(position, name))
    for position, name in enumerate(names):
        got = store.load(name)
        assert got is not None
        assert got.positions == {name: position}


def test_a_checkpoint_ahead_of_the_committed_position_is_passed_over(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.write(checkpoint(5))
    store.write(checkpoint(9))
    got = store.load("flows-0", usable=lambda one: one.positions["flows-0"] <= 7)
    assert got is not None
    assert got.positions == {"flows-0": 5}
    assert store.load("flows-0", usable=lambda one: one.positions["flows-0"] <= 3) is None


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "unreadable"])
def test_a_damaged_newest_falls_back_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    store = DirectoryStore(tmp_path)
    store.write(checkpoint(1))
    store.write(checkpoint(2))
    file = newest_file(tmp_path)
    data = file.read_bytes()
    if damage == "unreadable":
        file.unlink()
        file.mkdir()
    else:
        damaged = {"truncate": data[:-5], "flip": data[:-1] + b"\xff", "empty": b""}[damage]
        file.write_bytes(damaged)
    with caplog.at_level(logging.WARNING):
        got = store.load("flows-0")
    assert got is not None
    assert got.positions == {"flows-0": 1}
    assert file.name in caplog.text


def test_only_damaged_ones_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.write(checkpoint(1))
    newest_file(tmp_path).write_bytes(b"nonsense")
    with pytest.raises(StateError, match=r"(?s)no checkpoint of flows-0.*streamgmm reset"):
        store.load("flows-0")


def test_a_full_disk_leaves_the_earlier_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DirectoryStore(tmp_path)
    store.write(checkpoint(1))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            store.write(checkpoint(2))
    assert len(list(tmp_path.iterdir())) == 1
    got = store.load("flows-0")
    assert got is not None
    assert got.positions == {"flows-0": 1}


def test_the_data_is_forced_to_disk_before_the_rename_and_the_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append("directory" if path.is_dir() else "file")
        real_fsync(descriptor)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return real_rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    DirectoryStore(tmp_path).write(checkpoint())
    assert steps == ["file", "rename", "directory"]


def test_left_over_temporary_files_are_not_read(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    (tmp_path / "flows-0.000000000009.sgmm.tmp").write_bytes(b"half")
    store.write(checkpoint(1))
    got = store.load("flows-0")
    assert got is not None
    assert got.positions == {"flows-0": 1}


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"checkpoint directory .*file/x cannot be made"):
        DirectoryStore(tmp_path / "file" / "x")


def test_a_snapshot_that_is_no_checkpoint_is_refused() -> None:
    from streamgmm import snapshot

    with pytest.raises(StateError, match="not a checkpoint"):
        Checkpoint.from_bytes(snapshot.pack({"a": 1}))
