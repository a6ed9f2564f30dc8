"""Make the sample that ships with the package: a slice of the KDD Cup 1999 HTTP connections.

The input is ADBench's ``http.npz`` (also known as ``3_http.npz``): ``X`` holds log(x + 0.1) of the
duration in seconds and of the bytes each way, ``y`` the label. All originals are whole numbers, so
they are restored exactly, and the script checks that it did. The stored order groups the classes;
the slice therefore is the beginning of a seeded permutation, the same permutation that the quality
benchmark uses.

    python tools/make_sample.py http.npz streamgmm/data/http.csv.gz
"""

from __future__ import annotations

import argparse
import gzip
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COLUMNS = ("duration", "src_bytes", "dst_bytes")
OFFSET = 0.1


def natural_units(logs: NDArray[np.float64]) -> NDArray[np.int64]:
    """Undo log(x + 0.1) and prove that nothing was lost."""
    values = np.rint(np.exp(logs) - OFFSET)
    again = np.log(values + OFFSET)
    if values.min() < 0 or not np.allclose(again, logs, rtol=0.0, atol=1e-14):
        raise SystemExit("X is not log(x + 0.1) of whole numbers: is this ADBench's http set?")
    return values.astype(np.int64)


def sample(source: Path, count: int, seed: int) -> bytes:
    """Return ``count`` events of a seeded permutation as CSV with a header line."""
    with np.load(source) as archive:
        logs, labels = archive["X"], archive["y"]
    chosen = np.random.default_rng(seed).permutation(len(logs))[:count]
    rows = np.column_stack([natural_units(logs[chosen]), labels[chosen].astype(np.int64)])
    text = io.StringIO(newline="")
    np.savetxt(
        text, rows, fmt="%d", delimiter=",", header=",".join((*COLUMNS, "label")), comments=""
    )
    return text.getvalue().encode("ascii")


def main() -> None:
    """Write the sample; the same input gives the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path, help="ADBench's http.npz")
    parser.add_argument("target", type=Path, help="the .csv.gz to write")
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    content = sample(arguments.source, arguments.count, arguments.seed)
    arguments.target.write_bytes(gzip.compress(content, compresslevel=9, mtime=0))


if __name__ == "__main__":
    main()
