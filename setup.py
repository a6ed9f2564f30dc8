"""Builds the Cython kernels; everything else stands in pyproject.toml."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Scores must be the same bits on every machine that runs one build: no fast-math, no contraction
# to fused multiply-add, no -march=native. -fno-math-errno only lets sqrt be an instruction.
# -g0 keeps the folder of the build out of the binaries.
# MSVC's way to say the same; without /arch it knows no fused operations either.
COMPILE_ARGS = {
    "unix": ["-O3", "-ffp-contract=off", "-fno-math-errno", "-g0"],
    "msvc": ["/O2", "/fp:precise"],
}
# The kernels are C with vectors of GCC and Clang. For MSVC, and where STREAMGMM_LANES=class asks
# for it, they are C++ with a class in the place of vectors (streamgmm/mixture/lanes_class.h).
LANES_CLASS = sys.platform == "win32" or os.environ.get("STREAMGMM_LANES") == "class"
# What belongs to a kernel beside its .pyx, by folder: as C, and as C++.
ENGINE = {"streamgmm/mixture": (["engine.c", "engine_v3.c", "dispatch.c"], ["engine.cpp"])}
# exp and log for every kernel, whatever its room.
ARITHMETIC = sorted(Path("streamgmm/mixture").glob("lanes*.h"))
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "embedsignature": True,
}


class BuildKernels(build_ext):
    """Builds with each compiler's own words for the same bits."""

    def build_extensions(self) -> None:
        """Set the options; leave out the run path of the building interpreter, then build."""
        kind = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        for extension in self.extensions:
            extension.extra_compile_args = COMPILE_ARGS[kind]
        if kind == "unix":
            for name in ("linker_so", "linker_so_cxx"):
                words = getattr(self.compiler, name, [])
                kept = [word for word in words if not word.startswith("-Wl,-rpath")]
                setattr(self.compiler, name, kept)
        super().build_extensions()


def kernel(source: Path, *, lanes_class: bool) -> Extension:
    """Describe the extension module of one ``.pyx`` and the C files beside it."""
    folder = source.parent
    own = ENGINE.get(folder.as_posix(), ([], []))[lanes_class]
    headers = {*folder.glob("*.[ch]"), *folder.glob("*.cpp"), *ARITHMETIC}
    return Extension(
        ".".join(source.with_suffix("").parts),
        [str(source), *(str(folder / name) for name in own)],
        include_dirs=[str(folder)],
        define_macros=[("STREAMGMM_LANES_CLASS", "1")] if lanes_class else [],
        depends=sorted(str(path) for path in headers),
        language="c++" if lanes_class else None,
    )


def kernels(*, lanes_class: bool = LANES_CLASS) -> list[Extension]:
    """Describe every kernel; none for an editable install over kernels that are built already.

    An editable install compiles from scratch in a temporary folder. The Makefile builds in place
    instead, where only what changed is compiled, and then installs with STREAMGMM_KERNELS=built.
    """
    if os.environ.get("STREAMGMM_KERNELS") == "built":
        return []
    return cythonize(
        [
            kernel(source, lanes_class=lanes_class)
            for source in sorted(Path("streamgmm").rglob("*.pyx"))
        ],
        build_dir="build/cython",
        compiler_directives=DIRECTIVES,
    )


if __name__ == "__main__":
    setup(
        ext_modules=kernels(),
        cmdclass={"build_ext": BuildKernels},
    )
