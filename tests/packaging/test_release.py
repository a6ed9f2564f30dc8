"""What builds and publishes a release, as checkers see it; the workflows run elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BIN = Path(sys.executable).parent


def checked(*command: str | Path) -> str:
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def steps(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_the_workflows_are_of_their_schema() -> None:
    assert len(WORKFLOWS) == 2
    schema = ["--builtin-schema", "vendor.github-workflows"]
    checked(BIN / "check-jsonschema", *schema, *WORKFLOWS)


def test_zizmor_finds_no_weakness() -> None:
    checked(BIN / "zizmor", "--offline", "--persona", "pedantic", "--no-progress", *WORKFLOWS)


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_named_by_its_commit(workflow: Path) -> None:
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert not [one for one in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one)]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_what_a_step_runs_is_there(workflow: Path) -> None:
    commands = "\n".join(step["run"] for step in steps(workflow) if "run" in step)
    files = set(re.findall(r"\b(?:tools|tests|requirements)/[\w./]+", commands))
    files |= {f"tools/{name}.py" for name in re.findall(r"-m tools\.(\w+)", commands)}
    assert files
    assert not {file for file in files if not (ROOT / file).is_file()}


def test_the_project_s_description_is_valid() -> None:
    checked(BIN / "validate-pyproject", "pyproject.toml")


def test_wheels_are_built_for_what_the_classifiers_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIBW_ARCHS_LINUX", "x86_64 aarch64")
    monkeypatch.setenv("CIBW_ARCHS_MACOS", "x86_64 arm64")
    built = ""
    for platform in ("linux", "macos", "windows"):
        ask = ["--print-build-identifiers", "--platform", platform]
        built += checked(BIN / "cibuildwheel", *ask, ".")
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    pythons = re.findall(r'"Programming Language :: Python :: 3\.(\d+)"', text)
    platforms = (
        "manylinux_x86_64", "manylinux_aarch64", "macosx_x86_64", "macosx_arm64", "win_amd64",
    )  # fmt: skip
    assert set(built.split()) == {f"cp3{minor}-{one}" for minor in pythons for one in platforms}
    counted = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    assert f"= {len(built.split())} &&" in counted, "release.yml counts other wheels"
