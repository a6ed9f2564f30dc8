"""Builds the Cython kernels; everything else stands in pyproject.toml."""

from __future__ import annotations

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Scores must be the same bits on every machine that runs one build: no fast-math, no contraction
# to fused multiply-add, no -march=native. -fno-math-errno only lets sqrt be an instruction.
# -g0 keeps the folder of the build out of the binaries.
COMPILE_ARGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-g0"]
# exp and log for every kernel, whatever its room.
ARITHMETIC = Path("streamgmm/mixture/lanes.h")
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "embedsignature": True,
}


class BuildKernels(build_ext):
    """Links without the run path of the building interpreter, which means nothing elsewhere."""

    def build_extensions(self) -> None:
        """Drop ``-Wl,-rpath`` from the link command, then build."""
        linker = self.compiler.linker_so
        self.compiler.linker_so = [word for word in linker if not word.startswith("-Wl,-rpath")]
        super().build_extensions()


def kernel(source: Path) -> Extension:
    """Describe the extension module of one ``.pyx`` and the C files beside it."""
    return Extension(
        ".".join(source.with_suffix("").parts),
        [str(source)],
        include_dirs=[str(source.parent)],
        depends=sorted(str(path) for path in {*source.parent.glob("*.[ch]"), ARITHMETIC}),
        extra_compile_args=COMPILE_ARGS,
    )


def kernels() -> list[Extension]:
    """Describe every kernel; none for an editable install over kernels that are built already.

    An editable install compiles from scratch in a temporary folder. The Makefile builds in place
    instead, where only what changed is compiled, and then installs with STREAMGMM_KERNELS=built.
    """
    if os.environ.get("STREAMGMM_KERNELS") == "built":
        return []
    return cythonize(
        [kernel(source) for source in sorted(Path("streamgmm").rglob("*.pyx"))],
        build_dir="build/cython",
        compiler_directives=DIRECTIVES,
    )


setup(
    ext_modules=kernels(),
    cmdclass={"build_ext": BuildKernels},
)
