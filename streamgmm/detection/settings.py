"""What a detector is made of: one frozen record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from streamgmm.mixture import Forgetting, HalfLife, Rules
from streamgmm.mixture.forgetting import law_from_state, law_to_state
from streamgmm.values import check_whole

from .budget import Budget
from .learner import Learner
from .tail import LEAST_WINDOW

# What may be changed in a running detector; the others decide what its state means.
_CHANGEABLE = ("budget", "established", "forgetting", "gate", "structure")


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """What a detector is made of; one default for every stream.

    Parameters
    ----------
    n_components
        K, the most components there can be; 1,024 are allowed.
    covariance, forgetting, score, established, shrinkage, correlation_shrinkage, influence,
    resolution, tolerance, weight_floor
        Rules of the mixture (:class:`streamgmm.mixture.Rules`).
    gate
        Quantile of the scores above which an event learns little, or None.
    structure
        Whether components are born of events that nothing explains, and merge or retire to make
        room for them.
    warmup
        Events collected before the mixture is fitted, at most.
    budget
        False alarms that are acceptable.
    window
        Latest scores that the tail is fitted to, at least 1,000.
    seed
        Of the warm-up's seeding.

    Raises
    ------
    TypeError, ValueError
        If a setting is not allowed; the message names what is.
    """

    n_components: int = 16
    covariance: str = "auto"
    forgetting: Forgetting = HalfLife(events=10_000)
    score: str = "nll"
    established: str | float | None = "graded"
    shrinkage: float = 10.0
    correlation_shrinkage: float = 0.2
    influence: float = 30.0
    resolution: bool = True
    tolerance: float = 0.02
    weight_floor: float = 1e-4
    gate: float | None = 0.98
    structure: bool = True
    warmup: int = 500
    budget: Budget = Budget(probability=1e-3)
    window: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        self.learner(1)  # refuses what is not allowed
        check_whole("window", self.window, LEAST_WINDOW)
        if not isinstance(self.budget, Budget):
            raise TypeError(
                f"budget is {self.budget!r:.80}; allowed is a Budget, such as "
                'Budget(probability=0.001), Budget(per_day=5) or Budget.parse("5/day")'
            )

    def require_successor(self, then: DetectorSettings) -> None:
        """See that a detector which lives by ``then`` can go on under these settings.

        Raises
        ------
        ValueError
            If others differ than budget, established, forgetting, gate and structure, or the gate
            is None in one of them.
        """
        # a gate that is off has no state to begin with
        changeable = set(_CHANGEABLE) - ({"gate"} if None in (self.gate, then.gate) else set())
        fixed = [
            field.name
            for field in fields(self)
            if getattr(self, field.name) != getattr(then, field.name)
            and field.name not in changeable
        ]
        if fixed:
            raise ValueError(
                f"{', '.join(fixed)} cannot be changed in a running detector; allowed are "
                f"{', '.join(_CHANGEABLE)} (gate: from a quantile to another). Make a new one"
            )

    def rules(self) -> Rules:
        """Return the mixture's rules."""
        return Rules(**{f.name: getattr(self, f.name) for f in fields(Rules)})

    def learner(self, n_features: int) -> Learner:
        """Return a learner that has seen nothing."""
        return Learner(
            n_features,
            n_components=self.n_components,
            rules=self.rules(),
            warmup=self.warmup,
            gate=self.gate,
            structure=self.structure,
            seed=self.seed,
        )

    def state(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        plain = {f.name: getattr(self, f.name) for f in fields(self)}
        plain["forgetting"] = law_to_state(self.forgetting)
        plain["budget"] = asdict(self.budget)
        return plain

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> DetectorSettings:
        """Return the settings that gave ``state``."""
        plain = dict(state)
        plain["forgetting"] = law_from_state(plain["forgetting"])
        plain["budget"] = Budget(**plain["budget"])
        return cls(**plain)
