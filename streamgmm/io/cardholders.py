"""Cards and what their holders do with them: habits that last, rounds of shops, journeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgmm.io.columns import DAY, HOUR, Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

# How a card was read: chip, contactless, magnetic stripe, over the internet, kept on file.
CHIP, TAP, STRIPE, WEB, ON_FILE = "051", "071", "901", "810", "100"
HOMES: Final = np.array(["DE", "DE", "DE", "AT", "CH", "FR", "NL"], object)
ABROAD: Final = np.array(["IT", "ES", "GB", "US", "TR", "TH"], object)
SEATS: Final = np.array(["IE", "LU", "GB"], object)  # of large shops on the internet

MONTH: Final = 30 * DAY
_TREND_BEGINS: Final = 1_767_571_200.0  # Monday, 5 January 2026
PRICES: Final = 0.004
"""By which prices rise in a month."""
ONLINE: Final = 0.02
"""By which the share of shopping over the internet rises in a month."""
_LIFE: Final = 1000 * DAY  # of a card; its successor has another number
_ROUND: Final = (0.12, 0.25, 0.25)  # goes on to another shop; to a third; to a fourth
_BETWEEN: Final = 20.0 * 60  # two shops of a round, in the mean
_WEEK: Final = np.arange(0.0, 7 * DAY, HOUR)


@dataclass(frozen=True, slots=True)
class Shop:
    """One category of merchants.

    Attributes
    ----------
    amount
        Median and spread of the logarithm.
    hour
        When most come, and with what spread.
    weekend
        How many come, against a weekday.
    """

    mcc: str
    share: float
    amount: tuple[float, float]
    hour: tuple[float, float]
    weekend: float
    chip: float  # share of payments by chip, contactless and over the internet; the rest on file
    tap: float
    web: float


SHOPS: Final = (
    Shop("5411", 0.30, (28.0, 0.7), (15.0, 3.5), 0.9, 0.35, 0.65, 0.00),  # groceries
    Shop("5812", 0.14, (27.0, 0.6), (18.0, 3.5), 1.5, 0.40, 0.60, 0.00),  # restaurants
    Shop("5814", 0.10, (9.0, 0.4), (13.0, 3.0), 1.0, 0.15, 0.85, 0.00),  # fast food
    Shop("5541", 0.08, (55.0, 0.35), (13.0, 4.5), 1.1, 1.00, 0.00, 0.00),  # fuel
    Shop("4111", 0.12, (2.9, 0.3), (12.0, 4.5), 0.5, 0.00, 1.00, 0.00),  # local transport
    Shop("5912", 0.05, (14.0, 0.7), (14.0, 3.0), 0.6, 0.40, 0.60, 0.00),  # pharmacies
    Shop("5651", 0.04, (60.0, 0.7), (15.0, 2.5), 1.6, 0.55, 0.45, 0.00),  # clothing
    Shop("5732", 0.02, (90.0, 0.9), (15.0, 3.0), 1.2, 0.50, 0.00, 0.50),  # electronics
    Shop("5999", 0.07, (35.0, 0.9), (19.0, 3.5), 1.1, 0.00, 0.00, 0.55),  # marketplaces
    Shop("5815", 0.05, (10.0, 0.4), (17.0, 5.0), 1.1, 0.00, 0.00, 0.00),  # digital goods
    Shop("6011", 0.03, (100.0, 0.6), (14.0, 4.0), 1.0, 1.00, 0.00, 0.00),  # cash
)
_MCC: Final = np.array([shop.mcc for shop in SHOPS], object)
_MEDIAN, _SPREAD = np.array([shop.amount for shop in SHOPS]).T
_CHIP, _TAP, _WEB = (np.array([getattr(shop, m) for shop in SHOPS]) for m in ("chip", "tap", "web"))
_IN_PERSON: Final = _CHIP + _TAP > 0.9
_ONLINE: Final = ~_IN_PERSON


@dataclass(frozen=True, slots=True)
class Payments(Columns):
    """n authorisations; the other columns are the members of a message."""

    card: Array
    amount: Array
    mcc: Array
    country: Array
    entry_mode: Array
    label: Array
    kind: Array


def busy(ts: Array) -> Array:
    """Return how busy each category is at n times, (n, shops), 1 in the mean over a week."""
    return np.asarray(_intensity(ts) / _MEAN)


def _intensity(ts: Array) -> Array:
    hour = (ts % DAY / HOUR)[:, None]
    centre, spread = np.array([shop.hour for shop in SHOPS]).T
    away = np.abs((hour - centre + 12.0) % 24.0 - 12.0)  # round the clock
    weekend = ((ts // DAY + 3) % 7 >= 5)[:, None]  # the epoch was a Thursday
    factor = np.where(weekend, [shop.weekend for shop in SHOPS], 1.0)
    return np.asarray(factor * (0.02 + np.exp(-0.5 * (away / spread) ** 2)))


_MEAN: Final = _intensity(_WEEK).mean(axis=0)
_PEAK: Final = float(busy(_WEEK).max()) * 1.01


class Cardholders:
    """A number of cards, each with a home, a level of spending, and shops it goes to.

    Parameters
    ----------
    rng
        Chooses the habits.
    cards
        How many.
    """

    def __init__(self, rng: np.random.Generator, cards: int) -> None:
        self.cards = cards
        shares = np.array([shop.share for shop in SHOPS])
        self.home = rng.choice(HOMES, cards)
        self.level = np.exp(0.3 * rng.standard_normal(cards))
        self._active = np.cumsum(np.exp(0.5 * rng.standard_normal(cards)))
        self._active /= self._active[-1]
        self._taste = rng.dirichlet(8 * shares, cards)
        self._taps = rng.beta(4.0, 4.0, cards)  # of payments that could be made either way
        # Journeys abroad come round; half of the holders make none.
        self._every = DAY * rng.uniform(60, 300, cards)
        self._stay = np.where(rng.random(cards) < 0.5, DAY * rng.uniform(2, 12, cards), 0.0)
        self._phase = rng.random(cards) * self._every
        self._born = rng.random(cards) * _LIFE

    def number(self, card: Array, ts: Array) -> Array:
        """Return the cards' numbers at these times, as tokens."""
        renewed = ((ts + self._born[card]) // _LIFE).astype(np.int64) % 1000
        return np.array(
            [f"tok_{r:03d}{c:06d}" for r, c in zip(renewed, card.tolist(), strict=True)], object
        )

    def choose(self, rng: np.random.Generator, n: int) -> Array:
        """Return n cards, those used much more often."""
        return np.searchsorted(self._active, rng.random(n)).clip(max=self.cards - 1)

    def ordinary(
        self, rng: np.random.Generator, begin: float, length: float, rate: float
    ) -> Payments:
        """Return what is paid in rounds of shops that begin in a window, `rate` payments a second.

        A Poisson process, thinned by the rhythm of each card's shops.
        """
        each = 1.0 + _ROUND[0] * (1.0 + _ROUND[1] * (1.0 + _ROUND[2]))
        ts = begin + length * rng.random(rng.poisson(rate / each * _PEAK * length))
        card = self.choose(rng, len(ts))
        drawn = self._taste[card] * busy(ts)
        keep = rng.random(len(ts)) * _PEAK < drawn.sum(axis=1)
        ts, card, drawn = ts[keep], card[keep], drawn[keep]
        shop = _draw(rng, drawn * self._trend(ts))
        rounds = [(ts, card, shop)]
        for goes_on in _ROUND:
            more = _IN_PERSON[shop] & (rng.random(len(ts)) < goes_on / _IN_PERSON[shop].mean())
            ts, card = ts[more], card[more]
            ts = ts + 120.0 + rng.exponential(_BETWEEN, len(ts))
            shop = _draw(rng, self._taste[card] * _IN_PERSON)
            rounds.append((ts, card, shop))
        ts, card, shop = (np.concatenate(parts) for parts in zip(*rounds, strict=True))
        return self._payments(rng, ts, card, shop)

    def _trend(self, ts: Array) -> Array:
        months = ((ts - _TREND_BEGINS) / MONTH).clip(-24, 24)[:, None]
        return np.where(_ONLINE, np.exp(ONLINE * months), 1.0)

    def _payments(self, rng: np.random.Generator, ts: Array, card: Array, shop: Array) -> Payments:
        n = len(ts)
        amount = self.level[card] * _MEDIAN[shop] * np.exp(_SPREAD[shop] * rng.standard_normal(n))
        amount = amount * np.exp(PRICES * (ts - _TREND_BEGINS) / MONTH)
        cash = _MCC[shop] == "6011"
        amount = np.where(cash, np.maximum(10.0, np.round(amount, -1)), amount)
        mode = self._mode(rng, card, shop)
        away = (ts + self._phase[card]) % self._every[card] < self._stay[card]
        where = (self._phase[card].astype(np.int64) + (ts // MONTH).astype(np.int64)) % len(ABROAD)
        country = np.where(away & _IN_PERSON[shop], ABROAD[where], self.home[card])
        elsewhere = (mode == WEB) & (rng.random(n) < 0.1)
        country = np.where(elsewhere, rng.choice(SEATS, n), country)
        return Payments(
            ts=ts, card=self.number(card, ts), amount=np.maximum(amount, 0.2), mcc=_MCC[shop],
            country=country, entry_mode=mode, label=np.zeros(n, np.int64),
            kind=np.full(n, "ordinary", object),
        )  # fmt: skip

    def _mode(self, rng: np.random.Generator, card: Array, shop: Array) -> Array:
        drawn = rng.random(len(card))
        chip, tap, web = _CHIP[shop], _TAP[shop], _WEB[shop]
        both = (chip > 0) & (tap > 0)
        chip = np.where(both, (1.0 - self._taps[card]) * (chip + tap), chip)
        tap = np.where(both, self._taps[card] * (_CHIP[shop] + tap), tap)
        modes = [drawn < chip, drawn < chip + tap, drawn < chip + tap + web]
        return np.asarray(np.select(modes, [CHIP, TAP, WEB], ON_FILE).astype(object))


def _draw(rng: np.random.Generator, weights: Array) -> Array:
    """Return a column for each row of weights (n, m), in proportion to them."""
    reached = np.cumsum(weights, axis=1)
    return np.asarray((reached < (rng.random(len(weights)) * reached[:, -1])[:, None]).sum(axis=1))
