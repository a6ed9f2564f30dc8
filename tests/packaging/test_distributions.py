"""The sdist and the wheel hold what users need, and the wheel works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# One process for all: building takes longer than the tests.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command away from the checkout; on failure the assertion shows all it wrote."""
    outside = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(
        [str(word) for word in command], cwd=cwd, env=outside, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, f"{command} failed:\n{result.stdout}\n{result.stderr}"
    return result


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the sdist from the checkout, then the wheel from that sdist, as an index would."""
    folder = tmp_path_factory.mktemp("dist")
    # The pinned build tools of this environment: nothing is downloaded.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder]
    run(*build, "--sdist", ROOT, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    run(*build, "--wheel", source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel and its pinned requirements, and nothing else, into a new environment."""
    _, wheel = distributions
    place = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    python = place / "bin" / "python"
    # This environment's pip, so that the new one holds the package and what it needs, no more.
    install = [sys.executable, "-m", "pip", "--python", python, "install"]
    install += ["--quiet", "--disable-pip-version-check", "--no-compile"]
    requirements = ROOT / "requirements" / "runtime.txt"
    run(*install, "--require-hashes", "-r", requirements, cwd=place)
    run(*install, "--no-deps", wheel, cwd=place)
    return place


def sources(suffix: str) -> set[str]:
    """Return the package's files of a kind in the checkout, as paths from its root."""
    return {str(path.relative_to(ROOT)) for path in (ROOT / "streamgmm").rglob(f"*{suffix}")}


def test_the_wheel_holds_every_module_kernel_preset_and_sample(
    distributions: tuple[Path, Path],
) -> None:
    _, wheel = distributions
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    presets = sources(".toml")
    assert presets, "no preset in streamgmm/presets"
    assert names >= presets | sources(".py")
    assert {"streamgmm/py.typed", "streamgmm/data/http.csv.gz", "streamgmm/data/README.md"} <= names
    assert names >= {path for path in sources("") if "/assets/" in path and "." in Path(path).name}
    kernels = {path.removesuffix(".pyx") for path in sources(".pyx")}
    assert kernels == {name.split(".")[0] for name in names if name.endswith(".so")}
    assert not {name for name in names if name.endswith((".c", ".pyx"))}
    assert not {name for name in names if name.startswith(("tests/", "tools/", "config/"))}


def test_the_compiled_kernels_name_no_folder_of_the_building_machine(
    distributions: tuple[Path, Path],
) -> None:
    sdist, wheel = distributions
    private = {str(path).encode() for path in (ROOT, sdist.parent, Path.home())}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".so"):
                content = archive.read(name)
                assert not {path for path in private if path in content}, name


def test_the_sdist_holds_the_sources_of_the_kernels_and_nothing_built(
    distributions: tuple[Path, Path],
) -> None:
    sdist, _ = distributions
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert names >= sources(".pyx") | sources(".pxd") | sources(".h") | sources(".c")
    assert {"pyproject.toml", "setup.py", "LICENSE", "CHANGELOG.md"} <= names
    generated = {source.removesuffix("pyx") + "c" for source in sources(".pyx")}
    assert not {name for name in names if name.endswith(".so") or name in generated}


def test_the_installed_package_is_complete_and_knows_no_checkout(
    installed: Path, tmp_path: Path
) -> None:
    where = "import streamgmm; print(streamgmm.__file__)"
    result = run(installed / "bin" / "python", "-c", where, cwd=tmp_path)
    assert Path(result.stdout.strip()).is_relative_to(installed)


def test_the_demo_runs_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    result = run(installed / "bin" / "streamgmm", "demo", cwd=tmp_path)
    assert "ROC-AUC" in result.stdout + result.stderr
    assert str(ROOT) not in result.stdout + result.stderr
