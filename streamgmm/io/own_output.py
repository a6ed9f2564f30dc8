"""What is read must not be what is written."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse_own_output(source: str, outputs: Iterable[str]) -> None:
    """See to it that no output goes to the file that is read; to be called before any is opened.

    The file counts, not its name: links are seen through, and so are redirections.

    Parameters
    ----------
    source, outputs
        Paths; ``"-"`` is standard input and standard output.

    Raises
    ------
    ConfigError
        An output is the source: it would be emptied, or read without end.
    """
    read = _regular(source, 0)
    for output in outputs:
        written = _regular(output, 1)
        if read is not None and written is not None and os.path.samestat(read, written):
            names = [
                standard if path == "-" else repr(path)
                for path, standard in ((output, "standard output"), (source, "standard input"))
            ]
            raise ConfigError(
                f"output to {names[0]} would go to the file that is read, {names[1]}; "
                f"name another file for the output"
            )


def _regular(path: str, standard: int) -> os.stat_result | None:
    """Return the status of a regular file; None for anything else, or if it is not there."""
    try:
        status = os.fstat(standard) if path == "-" else Path(path).stat()
    except (OSError, ValueError):  # ValueError: a path with a null character
        return None
    return status if stat.S_ISREG(status.st_mode) else None
