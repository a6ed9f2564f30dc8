"""The number of the arithmetic: which bits the same events come to.

It says nothing of a state's layout (that is its version): a state of other numerics is read as it
is, and goes on from there by this build's arithmetic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMERICS: Final = 2
"""To be raised by every change, here or in what is built upon the mixture, after which the same
events no longer come to the same bits: another order of sums, another approximation, another rule.
"""


def numerics_of(state: Mapping[str, Any]) -> int:
    """Return the number of the arithmetic that a model's ``state`` came from."""
    return int(state.get("numerics", 1))  # the first said nothing of it
