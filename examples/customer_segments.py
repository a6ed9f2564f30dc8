"""Segments of a shop's visitors as they come, and a new one that turns up on the way.

Visits are made up: three kinds, of which the clusterer is told nothing, and from visit 4,000 on a
fourth, that compares prices.

    python examples/customer_segments.py
"""

from __future__ import annotations

import random
from collections import Counter

from river import metrics

from streamgmm import GMMClusterer

VISITS, NEW_FROM, SHOWN_FROM = 8_000, 4_000, 6_000


def visit(rng: random.Random, kinds: dict[str, int]) -> tuple[str, dict[str, float]]:
    """Return a visit's kind, which only measures, and its features."""
    kind = rng.choices(list(kinds), list(kinds.values()))[0]
    if kind == "glances":
        minutes, pages, searches = rng.gauss(2, 0.5), rng.gauss(3, 1), rng.gauss(1, 0.3)
    elif kind == "buys":
        minutes, pages, searches = rng.gauss(12, 3), rng.gauss(15, 3), rng.gauss(6, 1.5)
    elif kind == "reads":  # the longer, the more pages
        minutes = rng.gauss(30, 8)
        pages, searches = 0.8 * minutes + rng.gauss(0, 2), rng.gauss(2, 0.5)
    else:
        minutes, pages, searches = rng.gauss(8, 2), rng.gauss(40, 6), rng.gauss(12, 2)
    return kind, {"minutes": minutes, "pages": pages, "searches": searches}


def main() -> None:
    """Give each visit its segment, then learn it; say which kinds a segment comes to."""
    rng, clusterer = random.Random(0), GMMClusterer()
    rand = metrics.AdjustedRand()
    kinds = {"glances": 6, "buys": 1, "reads": 3}
    found: dict[int, Counter[str]] = {}
    labels: set[int] = set()
    for number in range(VISITS):
        kind, x = visit(rng, kinds if number < NEW_FROM else {**kinds, "compares": 1})
        if clusterer.ready:
            segment = clusterer.predict_one(x)
            rand.update(kind, segment)
            if number >= SHOWN_FROM:
                found.setdefault(segment, Counter())[kind] += 1
        clusterer.learn_one(x)
        born = set(clusterer.centers) - labels if clusterer.ready else set()
        if born and labels:
            print(f"visit {number:,}: a new segment, {sorted(born)}")
        labels |= born

    print(f"segments against kinds, adjusted Rand index {rand.get():.2f}")
    for segment, center in clusterer.centers.items():
        whom = ", ".join(f"{kind} {n}" for kind, n in found.get(segment, Counter()).most_common())
        print(f"  {segment}: " + ", ".join(f"{name} {v:.0f}" for name, v in center.items()))
        print(f"     visits since {SHOWN_FROM:,}: {whom}")
    unsure = clusterer.predict_proba_one({"minutes": 17, "pages": 15, "searches": 3.5})
    shares = ", ".join(f"{p:.0%} {segment}" for segment, p in unsure.items() if p > 0.01)
    print(f"17 minutes, 15 pages, 3.5 searches: {shares}")


if __name__ == "__main__":
    main()
