"""The kernels as C++, for compilers without vectors of their own, come to the same bits."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIXTURE = ROOT / "streamgmm" / "mixture"

# Puts the kernels of a file in the place of the installed ones, then compares their bits with those
# that are known.
COMPARE = """
import importlib.machinery, importlib.util, sys

name = "streamgmm.mixture.kernels"
loader = importlib.machinery.ExtensionFileLoader(name, sys.argv[1])
spec = importlib.util.spec_from_file_location(name, sys.argv[1], loader=loader)
sys.modules[name] = kernels = importlib.util.module_from_spec(spec)
loader.exec_module(kernels)

from streamgmm.mixture import online
from tests.mixture import test_numerics

assert online.Engine is kernels.Engine, "the installed kernels were compared with themselves"
test_numerics.test_other_bits_have_another_number()
"""


def run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_class_comes_to_the_bits_of_the_vectors(tmp_path: Path) -> None:
    generated, built = tmp_path / "kernels.cpp", tmp_path / f"k{sysconfig.get_config_var('SO')}"
    directives = ["--directive", "cdivision=True,boundscheck=False,wraparound=False"]
    cython = [sys.executable, "-m", "cython", "-3", "--cplus", *directives]
    run(*cython, "--output-file", generated, MIXTURE / "kernels.pyx")
    # Without optimisation, as it takes a fifth of the time and must not matter.
    compiler = ["c++", "-O0", "-ffp-contract=off", "-fPIC", "-shared", "-DSTREAMGMM_LANES_CLASS"]
    headers = [f"-I{MIXTURE}", f"-I{sysconfig.get_path('include')}"]
    run(*compiler, *headers, "-o", built, generated, MIXTURE / "engine.cpp")
    run(sys.executable, "-c", COMPARE, built)
