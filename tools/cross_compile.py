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
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

# How a module is linked, by what Zig calls the platform; "": it is not.
TARGETS: Final = {
    "x86_64-linux-gnu.2.28": "",
    "x86_64-linux-musl": "",
    "aarch64-linux-gnu.2.28": "-shared",
    "aarch64-linux-musl": "-shared",
    "x86_64-macos.11.0": "",
    "aarch64-macos.11.0": "",
    "x86_64-windows-gnu": "",
}


def environment(target: str) -> dict[str, str]:
    """Return the variables by which setuptools compiles for a platform."""
    zig = [sys.executable, "-m", "ziglang"]
    link = TARGETS[target]
    # Zig looks for undefined behaviour unless told not to, which takes its run-time library.
    flags = "-fno-sanitize=undefined -Wall"
    variables = dict(os.environ)
    if "windows" in target:
        variables["STREAMGMM_LANES"] = "class"
        # before Python's own, which then finds its guard defined
        flags += f" -include {ROOT / 'tools' / 'windows' / 'pyconfig.h'}"
    linker = shlex.join([*zig, "cc", "-target", target]) + f" {link}" if link else "true"
    variables |= {
        "CC": shlex.join([*zig, "cc", "-target", target]),
        "CXX": shlex.join([*zig, "c++", "-target", target]),
        "CFLAGS": flags,
        "CXXFLAGS": flags,
        "LDSHARED": linker,
        "LDCXXSHARED": linker,
    }
    return variables


def compiled(target: str, folder: Path) -> list[Path]:
    """Compile every kernel for a platform into a folder; give the files that came out."""
    command = [
        sys.executable, "setup.py", "--quiet", "build_ext", "--force",
        "--build-lib", str(folder / "lib"), "--build-temp", str(folder / "temp"),
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, env=environment(target), check=True)
    linked = sorted(folder.glob("lib/**/*.so"))
    return linked or sorted(folder.glob("temp/**/*.o"))


def main() -> None:
    """Compile for the platforms named, or for all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "cross")
    given = parser.parse_args()
    for target in given.targets or TARGETS:
        begun = time.monotonic()
        files = compiled(target, given.out / target)
        what = "modules" if TARGETS[target] else "objects"
        print(f"{target}: {len(files)} {what}, {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
