"""What every release wrote can be read, and goes on as it would have; policy: docs/versions.md."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import streamgmm
from streamgmm import OnlineGMM, snapshot
from streamgmm.cli import main
from streamgmm.errors import StateError
from streamgmm.mixture import NUMERICS
from streamgmm.service.checkpoint import Checkpoint
from tests.releases import kept
from tools import release

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob("*/release.json"))
NEARLY = 1e-6  # of a score, by other arithmetic
versioned = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Any:
    """`streamgmm run` sets logging up for a process of its own."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def told(folder: Path) -> dict[str, Any]:
    return json.loads((folder / kept.MANIFEST).read_text("utf-8"))


@versioned
def test_what_a_release_wrote_goes_on(folder: Path, tmp_path: Path) -> None:
    expected = told(folder)
    scores = kept.gone_on(folder, tmp_path)
    same = expected["versions"]["numerics"] == NUMERICS
    for name, values in expected["scores"].items():
        assert len(values) >= 100
        if same:
            assert scores[name] == values, f"{name}: other bits, but NUMERICS is the same"
        else:
            np.testing.assert_allclose(scores[name], values, rtol=NEARLY, atol=NEARLY, err_msg=name)


def test_every_release_has_its_fixture_and_so_has_the_next() -> None:
    there = {folder.name for folder in FOLDERS}
    due = {*release.released(ROOT / "CHANGELOG.md"), streamgmm.__version__}
    assert due == there, (
        "tests/releases must hold a folder for every version with a date in CHANGELOG.md, and for "
        "the one at hand: make release-fixture"
    )


@versioned
def test_a_fixture_is_of_the_version_of_its_folder(folder: Path) -> None:
    assert told(folder)["version"] == folder.name


def test_the_versions_of_this_build_are_those_of_its_fixture() -> None:
    (folder,) = (one for one in FOLDERS if one.name == streamgmm.__version__)
    assert told(folder)["versions"] == kept.versions(), "a layout is another one now"


def test_the_table_of_the_policy_says_so_too() -> None:
    text = (ROOT / "docs" / "versions.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+\.\d+\.\d+)[^|]*\|(.*)\|$", text, re.MULTILINE)
    table = {version: [int(cell) for cell in cells.split("|")] for version, cells in rows}
    assert table == {folder.name: list(told(folder)["versions"].values()) for folder in FOLDERS}


# ---------------------------------------------------------------- of releases to come

LATEST = FOLDERS[-1]


def of_the_future(data: bytes, raise_one: Callable[[dict[str, Any]], None]) -> bytes:
    state = snapshot.unpack(data)
    raise_one(state)
    return snapshot.pack(state)


def newer_format(data: bytes) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "VERSION", snapshot.VERSION + 1)
        return snapshot.pack(snapshot.unpack(data))


def raised(*path: str) -> Callable[[bytes], bytes]:
    def raise_one(state: dict[str, Any]) -> None:
        *parents, last = path
        for name in parents:
            state = state[name]
        state[last] += 1

    return lambda data: of_the_future(data, raise_one)


@pytest.mark.parametrize(
    "newer",
    [newer_format, raised("version"), raised("learner", "mixture", "version")],
    ids=["format", "model", "mixture"],
)
def test_a_model_of_a_later_release_is_refused(newer: Callable[[bytes], bytes]) -> None:
    data = newer((LATEST / kept.MODEL).read_bytes())
    with pytest.raises(StateError, match="upgrade streamgmm"):
        OnlineGMM.from_bytes(data)


@pytest.mark.parametrize(
    "newer",
    [newer_format, raised("version"), raised("state", "detector", "version")],
    ids=["format", "checkpoint", "detector"],
)
def test_a_job_refuses_the_checkpoint_of_a_later_release(
    newer: Callable[[bytes], bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (file,) = (LATEST / kept.CHECKPOINTS).glob("*.sgmm")
    (tmp_path / kept.CHECKPOINTS).mkdir()
    (tmp_path / kept.CHECKPOINTS / file.name).write_bytes(newer(file.read_bytes()))
    (tmp_path / kept.JOB).write_text((LATEST / kept.JOB).read_text("utf-8"), "utf-8")
    (tmp_path / "flows.jsonl").write_text("{}\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["run", kept.JOB]) == 5
    said = capsys.readouterr().err
    assert "upgrade streamgmm" in said
    assert "flows.jsonl" in said


def test_a_checkpoint_that_says_no_version_is_of_the_first() -> None:
    (file,) = (LATEST / kept.CHECKPOINTS).glob("*.sgmm")
    fields = snapshot.unpack(file.read_bytes())
    del fields["version"]
    assert Checkpoint.from_bytes(snapshot.pack(fields)).name == "flows.jsonl"


# ---------------------------------------------------------------- whether a tag may be released


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Lay out what a release looks at, for version 1.2.3, all of it in order."""
    for path, text in {
        "streamgmm/__init__.py": '__version__ = "1.2.3"\n',
        "CHANGELOG.md": (
            "## [Unreleased]\n\n"
            "## [1.2.3] - 2027-01-02\n\nNew.\n\n## [1.0.0] - 2026-01-02\n\nOld.\n"
        ),
        "tests/releases/1.2.3/release.json": "{}",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    return tmp_path


def test_a_release_in_order_has_no_problem_and_its_section(checkout: Path) -> None:
    assert release.problems("v1.2.3", checkout) == []
    assert release.released(checkout / "CHANGELOG.md") == {"1.2.3": "New.", "1.0.0": "Old."}


@pytest.mark.parametrize(
    ("tag", "path", "text", "said"),
    [
        ("v1.2.4", None, "", "the tag is v1.2.4, and streamgmm.__version__ says 1.2.3"),
        ("1.2.3", None, "", "the tag is 1.2.3"),
        ("v1.2.3", "CHANGELOG.md", "## [Unreleased]\n\nNew.\n", "no section `## [1.2.3]"),
        (
            "v1.2.3",
            "CHANGELOG.md",
            "## [1.2.3] - 2027-01-02\n\n## [1.0.0] - 2026-01-01\n",
            "says nothing",
        ),
        ("v1.2.3", "tests/releases/1.2.3/release.json", None, "make release-fixture"),
    ],
)
def test_what_keeps_a_tag_from_being_released_is_said(
    checkout: Path, tag: str, path: str | None, text: str | None, said: str
) -> None:
    if path and text is None:
        (checkout / path).unlink()
    elif path and text:
        (checkout / path).write_text(text, "utf-8")
    (problem,) = release.problems(tag, checkout)
    assert said in problem


def test_the_next_release_is_a_version_that_has_not_been_released() -> None:
    version = release.version_of(ROOT / "streamgmm" / "__init__.py")
    assert version == streamgmm.__version__
