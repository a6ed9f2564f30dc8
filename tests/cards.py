"""Card authorisations with frauds among them, as an issuer's system passes them on.

Each card has a home, a level of spending and merchants it goes to again and again; some travel.
The names stand for fields of ISO 8583: the time of transmission (7), the amount in the card's
currency (6), the merchant's category (18) and country (19), how the card was read (22).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np

START: Final = 1_767_571_200.0  # Monday, 5 January 2026, 00:00 UTC
DAY: Final = 86_400.0

# How the card was read: chip, contactless, magnetic stripe, over the internet, kept on file.
CHIP, TAP, STRIPE, WEB, ON_FILE = "051", "071", "901", "810", "100"

HOMES: Final = ("DE", "DE", "DE", "AT", "CH", "FR", "NL")
ABROAD: Final = ("IT", "ES", "GB", "US", "TR", "TH")


@dataclass(frozen=True, slots=True)
class Shop:
    """One category of merchants: how often, how much (median, spread of the logarithm), when."""

    mcc: str
    share: float
    amount: tuple[float, float]
    hour: tuple[float, float]
    modes: tuple[str, ...]


IN_PERSON: Final = (CHIP, TAP, TAP)
SHOPS: Final = (
    Shop("5411", 0.30, (28.0, 0.7), (15.0, 3.5), IN_PERSON),  # groceries
    Shop("5812", 0.14, (27.0, 0.6), (18.0, 3.5), IN_PERSON),  # restaurants
    Shop("5814", 0.10, (9.0, 0.4), (13.0, 3.0), IN_PERSON),  # fast food
    Shop("5541", 0.08, (55.0, 0.35), (13.0, 4.5), (CHIP,)),  # fuel
    Shop("4111", 0.12, (2.9, 0.3), (12.0, 4.5), (TAP,)),  # local transport
    Shop("5912", 0.05, (14.0, 0.7), (14.0, 3.0), IN_PERSON),  # pharmacies
    Shop("5651", 0.04, (60.0, 0.7), (15.0, 2.5), IN_PERSON),  # clothing
    Shop("5732", 0.02, (90.0, 0.9), (15.0, 3.0), (CHIP, WEB)),  # electronics
    Shop("5999", 0.07, (35.0, 0.9), (19.0, 3.5), (WEB, ON_FILE)),  # marketplaces
    Shop("5815", 0.05, (10.0, 0.4), (17.0, 5.0), (ON_FILE,)),  # digital goods
    Shop("6011", 0.03, (100.0, 0.6), (14.0, 4.0), (CHIP,)),  # cash
)


@dataclass(frozen=True, slots=True)
class Card:
    """One card and its habits."""

    number: str
    home: str
    level: float
    taste: Any
    away: tuple[float, float, str]


def authorisations(
    count: int, *, seed: int, cards: int = 400, fraud_share: float = 0.005
) -> list[dict[str, Any]]:
    """Return authorisations in order of time, four a day and card.

    Beside the members of a message each has ``label``, 1 for a fraud, and ``kind``.
    """
    rng = np.random.default_rng(seed)
    days = count / cards / 4
    shares = np.array([shop.share for shop in SHOPS])
    made: list[dict[str, Any]] = []
    held = [_card(rng, i, days, shares) for i in range(cards)]
    for card in held:
        made += [_ordinary(rng, card, days) for _ in range(rng.poisson(4 * days))]
    episodes = list(FRAUDS.items())
    frauds = 0
    while frauds < fraud_share * count:
        kind, make = episodes[int(rng.integers(len(episodes)))]
        card = held[int(rng.integers(cards))]
        begin = START + days * DAY * rng.uniform(0.15, 1.0)
        episode = make(rng, card, begin)
        made += [{**one, "label": 1, "kind": kind} for one in episode]
        frauds += len(episode)
    return sorted(made, key=lambda one: one["transmitted_at"])[:count]


def _card(rng: np.random.Generator, i: int, days: float, shares: Any) -> Card:
    leaves = START + DAY * rng.uniform(0, days)
    stays = DAY * rng.uniform(2, 6) if rng.random() < 0.15 else 0.0
    return Card(
        number=f"tok_{i:06d}",
        home=str(rng.choice(HOMES)),
        level=float(np.exp(rng.normal(0, 0.3))),
        taste=rng.dirichlet(8 * shares),
        away=(leaves, leaves + stays, str(rng.choice(ABROAD))),
    )


def _ordinary(rng: np.random.Generator, card: Card, days: float) -> dict[str, Any]:
    shop = SHOPS[int(rng.choice(len(SHOPS), p=card.taste))]
    day = START + DAY * np.floor(rng.uniform(0, days))
    at = float(day + 3600 * (rng.normal(*shop.hour) % 24))
    median, spread = shop.amount
    amount = card.level * median * float(np.exp(spread * rng.standard_normal()))
    if shop.mcc == "6011":
        amount = max(10.0, round(amount, -1))
    mode = str(rng.choice(shop.modes))
    away = card.away[0] <= at < card.away[1] and mode not in (WEB, ON_FILE)
    country = card.away[2] if away else card.home
    if mode == WEB and rng.random() < 0.1:
        country = str(rng.choice(("IE", "LU", "GB")))  # where large shops have their seat
    return _message(card, at, amount, shop.mcc, country, mode) | {"label": 0, "kind": "ordinary"}


def _message(
    card: Card, at: float, amount: float, mcc: str, country: str, mode: str
) -> dict[str, Any]:
    moment = datetime.fromtimestamp(round(at), UTC)
    return {
        "card": card.number,
        "transmitted_at": moment.isoformat().replace("+00:00", "Z"),
        "amount": round(amount, 2),
        "currency": "EUR",
        "mcc": mcc,
        "country": country,
        "entry_mode": mode,
        "response_code": "00",
    }


def copied(rng: np.random.Generator, card: Card, begin: float) -> list[dict[str, Any]]:
    """A copy of the stripe, used abroad for cash and for what can be sold."""
    country = str(rng.choice(("BR", "ID", "MX", "NG")))
    at = _moments(rng, begin, gap=1200, uses=(2, 5))
    return _uses(rng, card, at, (150, 700), ("6011", "5732", "5944"), country, STRIPE)


def over_the_internet(rng: np.random.Generator, card: Card, begin: float) -> list[dict[str, Any]]:
    """A stolen number, used at shops that the card has never been to."""
    country = str(rng.choice(("US", "HK", "CY", "LT")))
    at = _moments(rng, begin, gap=600, uses=(1, 4))
    return _uses(rng, card, at, (120, 900), ("5732", "5947", "6051"), country, WEB)


def tried(rng: np.random.Generator, card: Card, begin: float) -> list[dict[str, Any]]:
    """Small amounts in a row, to see whether a number is good."""
    at = _moments(rng, begin, gap=60, uses=(3, 7))
    return _uses(rng, card, at, (0.5, 2), ("8398",), "US", WEB)


def stolen(rng: np.random.Generator, card: Card, begin: float) -> list[dict[str, Any]]:
    """The card itself, held to readers near its home until it is blocked: hard to tell."""
    at = _moments(rng, begin, gap=900, uses=(2, 5))
    return _uses(rng, card, at, (30, 50), ("5411", "5541", "5651"), card.home, TAP)


def _moments(rng: np.random.Generator, begin: float, *, gap: float, uses: tuple[int, int]) -> Any:
    return begin + np.cumsum(rng.exponential(gap, int(rng.integers(uses[0], uses[1] + 1))))


def _uses(
    rng: np.random.Generator,
    card: Card,
    at: Any,
    amounts: tuple[float, float],
    shops: tuple[str, ...],
    country: str,
    mode: str,
) -> list[dict[str, Any]]:
    return [
        _message(card, t, rng.uniform(*amounts), str(rng.choice(shops)), country, mode) for t in at
    ]


FRAUDS: Final = {
    "copied": copied,
    "over the internet": over_the_internet,
    "tried": tried,
    "stolen": stolen,
}
