"""Errors of entry in patients' records, found because one value does not fit the others.

The records are scikit-learn's (diabetes, 442 patients, in their own units). One of eight is spoilt
as typists do: a decimal point slipped, or two neighbouring columns changed places.

    python examples/medical_errors.py
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_diabetes

from streamgmm import OnlineGMM

NAMES = [
    "age",
    "sex",
    "bmi",
    "blood pressure",
    "cholesterol",
    "ldl",
    "hdl",
    "tch",
    "ltg",
    "glucose",
]
TYPED = [2, 3, 4, 5, 6, 9]  # columns in which errors are made
KNOWN = 150


def spoil(records: np.ndarray, rng: np.random.Generator) -> dict[int, set[str]]:
    """Make errors in the records, in place; returns the fields that are wrong, by row."""
    wrong = {}
    for row in rng.choice(
        np.arange(KNOWN, len(records)), len(records) // 8, replace=False
    ).tolist():
        column = int(rng.choice(TYPED))
        if rng.random() < 0.5:
            records[row, column] *= rng.choice([0.1, 10.0])
            wrong[row] = {NAMES[column]}
        else:
            other = TYPED[TYPED.index(column) - 1]
            records[row, [column, other]] = records[row, [other, column]]
            wrong[row] = {NAMES[column], NAMES[other]}
    return wrong


def main() -> None:
    """Check each record before it is learned; ask back about the strangest."""
    rng = np.random.default_rng(0)
    records = rng.permutation(load_diabetes(scaled=False).data)
    wrong = spoil(records, rng)
    model = OnlineGMM(n_components=2, warmup=KNOWN, correlation_shrinkage=0.0)
    asked: list[tuple[float, int, str]] = []
    for row, record in enumerate(records.tolist()):
        x = dict(zip(NAMES, record, strict=True))
        if model.ready:
            reason = model.explain_one(x).reasons[0]
            text = f"{reason.feature} {reason.value:.1f}, expected about {reason.expected:.0f}"
            asked.append((model.score_one(x), row, text))
        model.learn_one(x)

    asked = sorted(asked, reverse=True)[: len(wrong)]
    for score, row, text in asked[:6]:
        print(f"  record {row}: {score:6.0f} nats; {text}{'' if row in wrong else ' (was right)'}")
    found = [(row, text) for _, row, text in asked if row in wrong]
    named = sum(any(text.startswith(name) for name in wrong[row]) for row, text in found)
    print(f"{len(records) - KNOWN} records checked, {len(wrong)} of them spoilt")
    print(f"of the {len(asked)} strangest {len(found)} are spoilt, by chance it would be "
          f"{len(wrong) ** 2 / (len(records) - KNOWN):.0f}")  # fmt: skip
    print(f"in {named} of {len(found)} the field named first is one that is wrong")


if __name__ == "__main__":
    main()
