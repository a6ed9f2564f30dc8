"""Which alerts come together, where no incident says so: those of a scan, a flood, one host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from streamgmm.service.page.book import Kept

__all__ = ["Company"]

_APART_SECONDS: Final = 60.0
_KEY, _REASON = "key", "reason"
_TOGETHER: Final = {
    frozenset({_KEY}): _KEY,
    frozenset({_REASON}): _REASON,
    frozenset({_KEY, _REASON}): "both",
}


@dataclass(frozen=True, slots=True)
class Company:
    """What all of some alerts of a model have in common, and when the latest of them was.

    Attributes
    ----------
    common
        Of the key, and of the first reason's feature with the nearest component, those that are
        the same in all.
    moment
        In s.
    """

    common: frozenset[tuple[Any, ...]]
    moment: float

    @classmethod
    def of(cls, model: str, kept: Kept) -> Company:
        """Return that of one alert."""
        record = kept.record
        common: set[tuple[Any, ...]] = set()
        if record.key is not None:
            common.add((_KEY, model, record.key))
        if record.reasons:
            common.add((_REASON, model, record.reasons[0].feature, kept.component_id))
        return cls(frozenset(common), kept.moment)

    def joined_by(self, other: Company) -> Company | None:
        """Return that of both; None if they have nothing in common, or are a minute apart."""
        common = self.common & other.common
        if not common or abs(other.moment - self.moment) > _APART_SECONDS:
            return None
        return Company(common, max(self.moment, other.moment))

    @property
    def together(self) -> str:
        """Name what is common: "key", "reason", or "both"."""
        return _TOGETHER[frozenset(one[0] for one in self.common)]
