"""Compile the kernels for the platforms that wheels are built for, with Zig's C compiler.

It shows what needs another compiler, header or width of a type before the wheels' own builders do,
and needs no machine of that kind: ``make cross``. Zig brings the system headers of each platform;
Python's are those of this interpreter, which are alike wherever `long` has 64 bits; for Windows,
where it has 32, ``tools/windows/pyconfig.h`` stands in. Modules are linked for Linux on ARM alone,
where they can be tried under QEMU: Zig knows no ``__cpu_model``, by which x86-64 tells its
processors apart, its linker makes no bundles for macOS, and Windows wants Python's own library.

Windows gets what MSVC gets, C++ with a class for lanes; Zig has no headers of MSVC, so that what
only MSVC would refuse is not seen here.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

ROOT: Final = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import setup as build  # noqa: E402  # what setup.py says of the kernels

if TYPE_CHECKING:
    from setuptools import Extension

TARGETS: Final = (
    "x86_64-linux-gnu.2.28",
    "x86_64-linux-musl",
    "aarch64-linux-gnu.2.28",
    "aarch64-linux-musl",
    "x86_64-macos.11.0",
    "aarch64-macos.11.0",
    "x86_64-windows-gnu",
)
LINKED: Final = "aarch64-linux"


def compiled(extension: Extension, target: str, folder: Path) -> list[Path]:
    """Compile what a module is made of; give its objects, or the module where it is linked."""
    cplusplus = extension.language == "c++"
    compiler = [sys.executable, "-m", "ziglang", "c++" if cplusplus else "cc", "-target", target]
    # Zig looks for undefined behaviour unless told not to, which takes its run-time library.
    flags = ["-fno-sanitize=undefined", "-DNDEBUG", "-Wall", "-Werror"]
    flags += build.COMPILE_ARGS["unix"] + ["-fwrapv"] * (not cplusplus)
    flags += [f"-D{name}={value}" for name, value in extension.define_macros]
    if "windows" in target:  # before Python's own, which then finds its guard defined
        flags += ["-include", str(ROOT / "tools" / "windows" / "pyconfig.h")]
    else:
        flags.append("-fPIC")
    flags += [f"-I{path}" for path in [*extension.include_dirs, sysconfig.get_path("include")]]
    objects = []
    for source in map(Path, extension.sources):
        made = folder / f"{extension.name}.{source.stem}.o"
        subprocess.run([*compiler, *flags, "-c", source, "-o", made], cwd=ROOT, check=True)
        objects.append(made)
    if not target.startswith(LINKED):
        return objects
    tag = sysconfig.get_config_var("SOABI").split("-")[1]
    module = folder / Path(*extension.name.split(".")).with_suffix(
        f".cpython-{tag}-{target.split('.', maxsplit=1)[0]}.so"
    )
    module.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*compiler, "-shared", *objects, "-o", module], check=True)
    return [module]


def main() -> None:
    """Compile for the platforms named, or for all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "cross")
    given = parser.parse_args()
    if unknown := set(given.targets) - set(TARGETS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    if len(given.targets) != 1:
        # Each by itself: Cython remembers for which language it has been asked.
        for target in given.targets or TARGETS:
            subprocess.run([sys.executable, __file__, target, "--out", given.out], check=True)
        return
    (target,) = given.targets
    os.chdir(ROOT)  # setup.py looks from there
    begun = time.monotonic()
    folder = given.out.resolve() / target
    folder.mkdir(parents=True, exist_ok=True)
    extensions = build.kernels(lanes_class="windows" in target)
    files = [file for one in extensions for file in compiled(one, target, folder)]
    what = "modules" if target.startswith(LINKED) else "objects"
    print(f"{target}: {len(files)} {what}, {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
