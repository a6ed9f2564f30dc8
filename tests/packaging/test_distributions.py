"""The sdist and the wheel hold what users need, and the wheel works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import streamgmm
from tests.deploy.compose import laid_out
from tests.deploy.dockerfile import Image, exec_form, steps_of
from tests.deploy.dockerfile import build as execute
from tests.deploy.servers import free_port
from tests.workers import wait_for

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"

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
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    # The pinned build tools of this environment: nothing is downloaded.
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder]
    run(*build, "--sdist", ROOT, cwd=folder)
    (sdist,) = folder.glob("*.tar.gz")
    return sdist


@pytest.fixture(scope="module")
def image(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Execute the steps of the Dockerfile over what the sdist holds, in an empty folder.

    They build the wheel as an index would, from the sdist, and install it with its pinned
    requirements, and nothing else, into an environment of its own: so one build serves all tests.
    """
    folder = tmp_path_factory.mktemp("image")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    return execute(DOCKERFILE, source, folder / "engine")


@pytest.fixture(scope="module")
def distributions(sdist: Path, image: Image) -> tuple[Path, Path]:
    """Give the sdist, and the wheel that was built from it."""
    (wheel,) = (image.stages["build"] / "opt" / "dist").glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def installed(image: Image) -> Path:
    """Give the environment that the image has."""
    return image.root / "opt" / "streamgmm"


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
    _, wheel = distributions
    private = {str(path).encode() for path in (ROOT, wheel.parents[3], Path.home())}
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


def test_an_index_would_take_them_and_nothing_is_out_of_place(
    distributions: tuple[Path, Path], tmp_path: Path
) -> None:
    sdist, wheel = distributions
    tools = Path(sys.executable).parent
    run(tools / "twine", "check", "--strict", sdist, wheel, cwd=tmp_path)
    settings = ROOT / "pyproject.toml"
    run(tools / "check-wheel-contents", "--config", settings, wheel, cwd=tmp_path)


def test_it_is_tried_as_every_wheel_is_that_is_built(installed: Path, tmp_path: Path) -> None:
    result = run(installed / "bin" / "python", ROOT / "tools" / "try_wheel.py", cwd=tmp_path)
    assert "100 scores as known" in result.stdout


def test_the_demo_runs_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    result = run(installed / "bin" / "streamgmm", "demo", cwd=tmp_path)
    assert "ROC-AUC" in result.stdout + result.stderr
    assert str(ROOT) not in result.stdout + result.stderr


def words(image: Image, instruction: str) -> list[str]:
    """Give what the Dockerfile runs, with the image's own program in front."""
    (step,) = (step for step in steps_of(DOCKERFILE) if step.instruction == instruction)
    program, *arguments = exec_form(step)
    return [str(image.root / "opt/streamgmm/bin" / program), *arguments]


def test_the_image_understands_the_job_that_it_is_given(image: Image) -> None:
    done = image.run([*words(image, "ENTRYPOINT"), "--version"])
    assert done.stdout == f"streamgmm {streamgmm.__version__}\n", done.stderr
    target = exec_form(next(s for s in steps_of(DOCKERFILE) if s.instruction == "CMD"))[-1]
    job = laid_out("streamgmm", image.folder / "mounted") / target.lstrip("/")
    done = image.run([*words(image, "ENTRYPOINT"), "check", str(job)])
    assert done.returncode == 0, done.stderr
    # Where HTTP is served is the image's affair: its port is the one that is looked at.
    assert 'http = "0.0.0.0:9464"' in done.stdout


def test_the_health_check_tells_a_worker_that_lives_from_one_that_is_gone(image: Image) -> None:
    port = free_port()
    look = [word.replace("9464", str(port)) for word in words(image, "HEALTHCHECK")]
    assert look != words(image, "HEALTHCHECK")
    environment = image.environment() | {"STREAMGMM__SERVICE__HTTP": f"127.0.0.1:{port}"}
    job = str(ROOT / "config" / "network.toml")
    with subprocess.Popen(
        [*words(image, "ENTRYPOINT"), "run", job], cwd=image.inside("."), env=environment,
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as worker:  # fmt: skip
        wait_for(lambda: image.run(look).returncode == 0, "the worker to be healthy")
        worker.terminate()
        assert worker.wait(60) == 0
    assert image.run(look).returncode != 0
