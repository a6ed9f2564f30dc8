"""Frauds among the authorisations: each an episode on one card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from streamgmm.io.cardholders import ON_FILE, STRIPE, TAP, WEB, Payments

if TYPE_CHECKING:
    from streamgmm.io.cardholders import Cardholders


@dataclass(frozen=True, slots=True)
class Fraud:
    """One kind of fraud.

    Attributes
    ----------
    share
        Of all fraudulent payments, in the mean.
    uses
        Fewest and most payments of one episode.
    gap
        Seconds between two of them, in the mean.
    amounts
        From which to which; where `usual`, in terms of what the card spends.
    shops, modes
        Categories of merchants, and how the card is read there.
    countries
        Where; empty for the card's home.
    """

    kind: str
    share: float
    uses: tuple[int, int]
    gap: float
    amounts: tuple[float, float]
    shops: tuple[str, ...]
    modes: tuple[str, ...]
    countries: tuple[str, ...] = ()

    def episode(self, rng: np.random.Generator, holders: Cardholders, begin: float) -> Payments:
        """Return one episode on some card."""
        n = int(rng.integers(self.uses[0], self.uses[1] + 1))
        card = np.repeat(holders.choose(rng, 1), n)
        ts = begin + np.cumsum(rng.exponential(self.gap, n))
        country = str(rng.choice(self.countries)) if self.countries else holders.home[card[0]]
        return Payments(
            ts=ts,
            card=holders.number(card, ts[:1].repeat(n)),
            amount=rng.uniform(*self.amounts, n),
            mcc=rng.choice(np.array(self.shops, object), n),
            country=np.full(n, country, object),
            entry_mode=np.full(n, rng.choice(self.modes), object),
            label=np.ones(n, np.int64),
            kind=np.full(n, self.kind, object),
        )


FRAUDS: Final = (
    # Small amounts in a row, to see whether a number is good.
    Fraud("card testing", 0.25, (4, 10), 60.0, (0.5, 2.0), ("8398", "5815"), (WEB,), ("US", "GB")),
    # A stolen number, used at shops on the internet that the card has never been to.
    Fraud("stolen number", 0.15, (1, 4), 600.0, (120.0, 900.0), ("5732", "5947", "6051"), (WEB,),
          ("US", "HK", "CY", "LT")),
    # The holder's account at shops that keep the card on file; nothing about the card is unusual.
    Fraud("account takeover", 0.20, (3, 8), 900.0, (80.0, 400.0), ("5999", "5815", "5732"),
          (ON_FILE,)),
    # The card itself, held to readers near its home until it is blocked: each use is ordinary.
    Fraud("stolen card", 0.25, (5, 12), 420.0, (25.0, 50.0), ("5411", "5541", "5651"), (TAP,)),
    # A copy of the stripe, used abroad for cash and for what can be sold.
    Fraud("counterfeit", 0.15, (2, 5), 1200.0, (150.0, 700.0), ("6011", "5732", "5944"), (STRIPE,),
          ("BR", "ID", "MX", "NG")),
)  # fmt: skip


def frauds_starting_in(
    rng: np.random.Generator, holders: Cardholders, begin: float, length: float, rate: float
) -> list[Payments]:
    """Return the episodes that start in a window of time, each whole.

    `rate` is fraudulent payments a second, in the mean.
    """
    episodes = []
    for fraud in FRAUDS:
        expected = rate * fraud.share / (sum(fraud.uses) / 2) * length
        episodes += [
            fraud.episode(rng, holders, begin + length * rng.random())
            for _ in range(rng.poisson(expected))
        ]
    return episodes
