"""Categorical surprise: -log of how frequent a category has been lately, in nats.

A category becomes one number: 0 where nothing else occurs, 4.6 where it is one event in a
hundred. Tables learn event by event, each event judged before it is counted, and hold a bounded
number of categories and keys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from streamgmm.events.field import MOST_KEYS
from streamgmm.events.frequency import (
    Frequencies,
    Histories,
    count_one,
    surprise_block,
    surprise_of,
)
from streamgmm.values import check_whole, is_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Array = NDArray[np.float64]

CATEGORIES: Final = 1024
"""Most categories kept of a stream."""
OWN_CATEGORIES: Final = 16
"""Most categories kept of one key."""
LONGEST_TEXT: Final = 128
"""Characters of a category or key that are kept."""
# Of a longer text its beginning, and a checksum of the whole.
_KEPT: Final = 96


@dataclass(frozen=True, slots=True)
class Judged:
    """What n events' categories came to, each judged before it was counted; all (n,).

    Attributes
    ----------
    category
        As text; None = missing.
    surprise
        In nats; NaN = missing.
    share
        Of all events so far, those with this category: 0 = not seen lately, NaN = no event yet.
    own_share
        The same among the events of the event's key; NaN where there is no history.
    """

    category: list[str | None]
    surprise: Array
    share: Array
    own_share: Array

    def take(self, rows: Sequence[int]) -> Judged:
        """Return some of the rows."""
        chosen = [self.category[row] for row in rows]
        at = np.asarray(rows, dtype=np.intp)
        return Judged(chosen, self.surprise[at], self.share[at], self.own_share[at])


class Surprise:
    """Turns the categories of one field into surprises, and learns from them.

    Parameters
    ----------
    half_life
        After so many events a count has half its weight; of a key, so many of its own. At
        least 1; infinity forgets nothing.
    keys
        Most keys whose own history is kept, the latest seen; 0 keeps none.

    Raises
    ------
    ValueError
        If one of them is not allowed.

    Examples
    --------
    >>> surprise = Surprise(half_life=1000.0)
    >>> judged = surprise.learn(["CH"] * 99 + ["NZ", "CH"])
    >>> judged.surprise[-2:].round(1).tolist(), judged.share[-2:].round(2).tolist()
    ([4.2, 0.0], [0.0, 0.99])
    """

    def __init__(self, half_life: float = 10_000.0, keys: int = 0) -> None:
        if not is_number(half_life) or not half_life >= 1.0:
            raise ValueError(
                f"half_life is {half_life!r:.80}; it must be a number of events, 1 or more "
                "(infinity forgets nothing)"
            )
        check_whole("keys", keys, 0, MOST_KEYS)
        self.half_life = half_life
        self.keys = keys
        self._all = Frequencies(half_life, CATEGORIES)
        self._own = Histories(half_life, OWN_CATEGORIES, keys) if keys else None

    def learn(
        self,
        categories: Sequence[str | None],
        keys: Sequence[str | None] | None = None,
        *,
        count: bool = True,
    ) -> Judged:
        """Judge and then count n events, strictly one after the other.

        Parameters
        ----------
        categories
            As text (see `as_category`); None = missing, which is neither judged nor counted.
        keys
            Whose history each belongs to; None = nobody's.
        count
            False only judges, all by what is known now.
        """
        texts = list(categories)
        surprise, share, own_share = (np.empty(len(texts)) for _ in range(3))
        owners = None if keys is None or self._own is None else list(map(bounded_text, keys))
        surprise_block(self._all, self._own, texts, owners, surprise, share, own_share, count)
        return Judged(texts, surprise, share, own_share)

    def count(self, category: str | None, key: str | None = None) -> None:
        """Count one event, as `learn` does, without judging it."""
        if category is not None:
            count_one(
                self._all, self._own, category, None if self._own is None else bounded_text(key)
            )

    def of(self, category: str | None, key: str | None = None) -> float:
        """Return the surprise of one event in nats, counting nothing; NaN if it is missing."""
        if category is None:
            return math.nan
        own = None if key is None or self._own is None else self._own.of(bounded_text(key) or "")
        return surprise_of(self._all, own, category)

    def __getstate__(self) -> dict[str, Any]:
        return {"half_life": self.half_life, "keys": self.keys, "tables": self.state()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["half_life"], state["keys"])  # type: ignore[misc]
        self.restore(state["tables"])

    def state(self) -> dict[str, Any]:
        """Return the tables as plain arrays and text."""
        return {
            "all": self._all.state(),
            "own": None if self._own is None else self._own.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` returned."""
        if (state["own"] is None) != (self._own is None):
            raise ValueError("the state has keys' own histories where none are kept, or lacks them")
        self._all.restore(state["all"])
        if self._own is not None:
            self._own.restore(state["own"])


def as_category(value: Any) -> str | None:
    """Return a value as the text of its category; None and NaN are missing.

    A whole number is written without a decimal point, so that 443, 443.0 and "443" are one
    category; true and false are "true" and "false".

    Raises
    ------
    TypeError
        If it is neither text nor a number nor a truth value.
    """
    if type(value) is str:
        return value if len(value) <= LONGEST_TEXT else bounded_text(value)
    if value is None:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, str):
        return bounded_text(str(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            return None
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    raise TypeError(
        f"a category is {value!r:.80}, a {type(value).__name__}; text, a number, True, False or "
        "None (missing) is allowed"
    )


def bounded_text(text: str | None) -> str | None:
    """Return a text of at most 128 characters: long ones keep their beginning and a checksum."""
    if text is None or len(text) <= LONGEST_TEXT:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12)
    return f"{text[:_KEPT]}...{digest.hexdigest()}"
