"""How fast the past stops counting: step-size laws as objects.

Each law states how the mass N of the weights and the masses n_k of the components move when an
event of learning weight u and responsibilities r_k arrives, and with them the steps
g = u / N' of the weights and eta_k = u r_k / n_k' of means and scatters (Cappe & Moulines 2009,
arXiv 0712.4273; Sato & Ishii 2000). The compiled mixture carries the laws out (engine.c,
``decay_mass`` and ``decay_count``); these objects choose and parametrise them.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

from streamgmm.spans import UNITS, seconds_of
from streamgmm.values import is_number


class Law(Protocol):
    """What the compiled mixture needs to know of a law of forgetting."""

    def constants(self) -> tuple[int, float, float]:
        """Return (decay kind, rate, alpha) as ``model.h`` names them."""


_OWN, _COMMON, _POWER, _TIME = range(4)


@dataclass(frozen=True, slots=True)
class Stationary:
    """Nothing is forgotten: N' = N + u, n_k' = n_k + u r_k."""

    name: ClassVar[str] = "stationary"

    def constants(self) -> tuple[int, float, float]:
        """Return (decay kind, rate, alpha)."""
        return _OWN, 0.0, 1.0


@dataclass(frozen=True, slots=True)
class PowerLaw:
    """Steps that fall slower than 1/n: g = u / N^alpha, eta_k = u r_k / n_k^alpha.

    Parameters
    ----------
    alpha
        0.5 < alpha <= 1, the range in which stepwise EM converges; 1 is :class:`Stationary`.
    """

    alpha: float = 0.7
    name: ClassVar[str] = "power_law"

    def __post_init__(self) -> None:
        if not is_number(self.alpha) or not 0.5 < self.alpha <= 1.0:
            raise ValueError(
                f"alpha is {self.alpha!r}; it must be above 0.5 and at most 1 "
                "(0.6 to 0.8 follow a slow drift, 1 averages for ever)"
            )

    def constants(self) -> tuple[int, float, float]:
        """Return (decay kind, rate, alpha)."""
        return _POWER, 0.0, self.alpha


@dataclass(frozen=True, slots=True)
class HalfLife:
    """The past loses half its weight in a number of events, or in a span of event time.

    ``HalfLife(events=h)``: N' = 2^(-u/h) N + u and, each component in its own events,
    n_k' = 2^(-u r_k / h) n_k + u r_k, so that a component without events keeps its shape.
    ``clock="common"`` decays every n_k as N: the plain decayed sums.

    ``HalfLife(seconds=h)``: N' = max(2^(-dt/h) N, N0) + u with N0 the warm-up's mass, and
    n_k' = min(n_k + u r_k, N'). A late event has dt = 0.

    Parameters
    ----------
    events, seconds
        The half-life; exactly one is given, positive and finite.
    clock
        "component" (default) or "common"; events only.
    """

    events: float | None = None
    seconds: float | None = None
    clock: Literal["component", "common"] = "component"
    name: ClassVar[str] = "half_life"

    def __post_init__(self) -> None:
        given = [h for h in (self.events, self.seconds) if h is not None]
        if len(given) != 1 or not (is_number(given[0]) and 0 < given[0] < math.inf):
            raise ValueError(
                f"HalfLife(events={self.events!r}, seconds={self.seconds!r}): give exactly one "
                "half-life, a positive number of events or of seconds of event time"
            )
        if self.clock not in ("component", "common"):
            raise ValueError(f'clock is {self.clock!r}; allowed are "component" and "common"')
        if self.seconds is not None and self.clock == "common":
            raise ValueError('clock="common" goes with HalfLife(events=...) only')

    def constants(self) -> tuple[int, float, float]:
        """Return (decay kind, rate, alpha)."""
        if self.seconds is not None:
            return _TIME, math.log(2.0) / self.seconds, 1.0
        assert self.events is not None
        kind = _COMMON if self.clock == "common" else _OWN
        return kind, math.log(2.0) / self.events, 1.0


Forgetting: TypeAlias = Stationary | PowerLaw | HalfLife

_LAWS: dict[str, type[Forgetting]] = {law.name: law for law in (Stationary, PowerLaw, HalfLife)}


def law_to_state(law: Forgetting) -> dict[str, Any]:
    """Return a law as plain values."""
    return {"law": law.name, **asdict(law)}


def law_from_state(state: dict[str, Any]) -> Forgetting:
    """Return the law that gave ``state``; ValueError if this release has none of its name."""
    parameters = dict(state)
    name = parameters.pop("law")
    if name not in _LAWS:
        raise ValueError(f"forgetting law {name!r} is unknown; known are {', '.join(_LAWS)}")
    return _LAWS[name](**parameters)


def parse_half_life(value: float | str | None) -> Forgetting:
    """Return the law a half-life stands for.

    Parameters
    ----------
    value
        A number of events; a span of event time such as "7d", "1h30m" or "30s"; None: nothing is
        forgotten.

    Raises
    ------
    ValueError
        If it is none of these, or not positive.
    """
    if value is None:
        return Stationary()
    if is_number(value) and 0 < value < math.inf:
        return HalfLife(events=float(value))
    try:
        return HalfLife(seconds=seconds_of(value if isinstance(value, str) else ""))
    except ValueError:
        raise ValueError(
            f"half_life is {value!r:.80}; allowed are a positive number of events, a span of event "
            f'time such as "7d", "1h30m" or "30s" (units {", ".join(UNITS)}), or None to forget '
            "nothing"
        ) from None
