"""What is there of the operating system: jobs that stay need more of it than the library does."""

from __future__ import annotations

import sys
from typing import Final

from streamgmm.errors import StreamGMMError

try:
    import fcntl
except ImportError:  # Windows
    POSIX = False
else:
    POSIX = hasattr(fcntl, "flock")

__all__ = ["POSIX", "require_posix"]

_ELSEWHERE: Final = (
    "Linux and macOS have what it needs (locks on directories, signals), and this is {system}. "
    "Run it in a container or under WSL 2; the library and `streamgmm replay` work here"
)


def require_posix(what: str) -> None:
    """Refuse what cannot work here.

    Parameters
    ----------
    what
        Begins the message: "streamgmm run", say.

    Raises
    ------
    StreamGMMError
        If this is Windows.
    """
    if not POSIX:
        raise StreamGMMError(
            f"{what} is not to be had here: {_ELSEWHERE.format(system=sys.platform)}"
        )
