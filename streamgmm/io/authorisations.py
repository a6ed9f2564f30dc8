"""Generates labelled card authorisations, as an issuer's system passes them on.

Time is event time, as in `generate`. Holders have habits that last, days and weeks a rhythm; prices
and the share of shopping over the internet rise slowly, and cards are renewed. The same seed gives
the same authorisations, however many are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgmm.io.cardholders import Cardholders, Payments
from streamgmm.io.columns import in_order
from streamgmm.io.frauds import frauds_starting_in

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS: Final = (
    "card",
    "transmitted_at",
    "amount",
    "currency",
    "mcc",
    "country",
    "entry_mode",
    "label",
    "kind",
)
"""Members of an authorisation, after fields of ISO 8583: a token for the card (2), the time of
transmission (7), amount and currency of the card (6, 51), the merchant's category and country (18,
19), how the card was read (22); `label` is 1 for a fraud, `kind` names it."""

START: Final = 1_767_571_200.0
"""Monday, 5 January 2026, 00:00 UTC."""

A_DAY: Final = 4.0
"""Payments a day and card, in the mean."""
_CARDS: Final = (100, 200_000)
_WINDOW: Final = 4096


def authorisations(
    *,
    seed: int = 0,
    rate: float = 0.02,
    start: float = START,
    fraud_share: float = 0.005,
    cards: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Generate authorisations without end.

    Parameters
    ----------
    seed
        Of the random generator.
    rate
        Authorisations a second of event time, in the mean over a week.
    start
        Event time of the beginning, seconds since the epoch.
    fraud_share
        Share of frauds in the mean, 0 to 0.5.
    cards
        How many; None: as many as make four payments a day each, 100 to 200,000.

    Yields
    ------
    dict
        With the members `FIELDS`, in order of time.

    Examples
    --------
    >>> one = next(authorisations(seed=1))
    >>> one["transmitted_at"], one["kind"], one["currency"]
    ('2026-01-05T00:02:08Z', 'ordinary', 'EUR')
    """
    if not (rate > 0 and 0 <= fraud_share <= 0.5 and seed >= 0):
        raise ValueError(
            f"rate is {rate!r}, fraud_share {fraud_share!r}, seed {seed!r}; allowed are a rate "
            f"above 0, a share from 0 to 0.5 and a seed from 0 up"
        )
    rng = np.random.default_rng(seed)
    if cards is None:
        cards = int(np.clip(rate * 86_400.0 / A_DAY, *_CARDS))
    holders = Cardholders(rng, cards)

    def window(begin: float, length: float) -> list[Payments]:
        ordinary = holders.ordinary(rng, begin, length, rate * (1 - fraud_share))
        return [ordinary, *frauds_starting_in(rng, holders, begin, length, rate * fraud_share)]

    names = ("card", "ts", "amount", "mcc", "country", "entry_mode", "label", "kind")
    for now in in_order(window, start, _WINDOW / rate):
        times = np.datetime_as_string(now.ts.astype("datetime64[s]"), timezone="UTC").tolist()
        for one, time in zip(now.events(names), times, strict=True):
            one["amount"] = round(one["amount"], 2)
            yield {
                name: time if name == "transmitted_at" else one.get(name, "EUR") for name in FIELDS
            }
