#!/usr/bin/env bash
# Prints a Python that can build and hold the environment, or names what is missing.
# PYTHON=... in the environment chooses one.
set -euo pipefail

fail() {
    printf 'streamgmm: %s\n' "$@" >&2
    exit 1
}

usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if usable "$candidate"; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail \
    "no Python 3.11 or newer among: ${PYTHON:-python3 python3.13 python3.12 python3.11}." \
    "Install one (Debian, Ubuntu: apt-get install python3 python3-venv python3-dev) or name it: make PYTHON=/path/to/python3."

"$python" -c 'import ensurepip, venv' 2>/dev/null || fail \
    "$python cannot make a virtual environment (module ensurepip or venv is missing)." \
    "Debian, Ubuntu: apt-get install python3-venv."

include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
[ -e "$include/Python.h" ] || fail \
    "the C headers of $python are missing ($include/Python.h)." \
    "Debian, Ubuntu: apt-get install python3-dev. Fedora: dnf install python3-devel."

command -v "${CC:-cc}" >/dev/null || fail \
    "no C compiler (${CC:-cc}) to build the kernels." \
    "Debian, Ubuntu: apt-get install gcc libc6-dev. Fedora: dnf install gcc."

printf '%s\n' "$python"
