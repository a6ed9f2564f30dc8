"""The number of the arithmetic is raised when the compiled mixture comes to other bits."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from streamgmm.mixture import NUMERICS, Frame, HalfLife, OnlineMixture, Rules, numerics_of
from streamgmm.mixture.statistics import FACTORS, STATISTICS
from tests.mixture.streams import COVARIANCES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

# What the stream below comes to, by number: a change that gives another digest raises NUMERICS and
# puts the new digest here under the new number. The second differs in what a warm-up ends with: its
# components in the first slots, and so summed up in another order.
DIGESTS = {1: "f578f70e7e29b8237ef8c56f9ef6ce25", 2: "f578f70e7e29b8237ef8c56f9ef6ce25"}


def exact() -> Iterator[float]:
    """Yield numbers in [-2, 2) that every machine makes alike: Lehmer's generator."""
    seed = 1
    while True:
        seed = seed * 48_271 % (2**31 - 1)
        yield (seed >> 10) / 2**19 - 2.0


def learned(covariance: str, events: NDArray[np.float64]) -> tuple[OnlineMixture, bytes]:
    """Return a mixture that has learned the events, and their scores."""
    K, d = 3, events.shape[1]
    rules = Rules(covariance=covariance, forgetting=HalfLife(events=256), established=0.25)
    mixture = OnlineMixture(Frame(np.zeros(d), np.ones(d), np.full(d, 0.001)), K, rules)
    mixture.set_statistics(
        mass=64.0,
        weights=np.array([0.5, 0.25, 0.25]),
        counts=np.array([32.0, 16.0, 16.0]),
        means=np.outer([0.0, -1.0, 1.0], np.ones(d)),
        scatters=np.stack([np.eye(d)] * K),
    )
    scores = [
        mixture.score_learn(part) for part in (events, np.where(events > 1.5, np.nan, events))
    ]
    return mixture, b"".join(one.tobytes() for one in scores)


def test_other_bits_have_another_number() -> None:
    numbers = np.array(list(islice(exact(), 5 * 500))).reshape(500, 5)
    events = np.where(numbers[:, :1] > 0.5, 3.0 * numbers, numbers)
    digest = hashlib.blake2b(digest_size=16)
    for covariance in COVARIANCES:
        mixture, scores = learned(covariance, events)
        digest.update(scores)
        for name in (*STATISTICS, *FACTORS):
            digest.update(np.ascontiguousarray(mixture.state()[name]).tobytes())
    assert digest.hexdigest() == DIGESTS[NUMERICS], (
        "the same events come to other bits: if that is meant, raise NUMERICS "
        "(streamgmm/mixture/numerics.py), enter the digest under the new number, and say so in "
        "CHANGELOG.md"
    )


def test_a_state_that_names_no_number_is_of_the_first() -> None:
    assert numerics_of({}) == 1
    assert numerics_of({"numerics": 7}) == 7
