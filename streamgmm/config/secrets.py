"""Secrets that stand in files of their own, as supervisors mount them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from streamgmm.config.rules import Secret
from streamgmm.errors import ConfigError

__all__ = ["secret_of"]

_MOST_CHARACTERS: Final = 4096


def secret_of(given: Secret, path: str, key: str) -> Secret:
    """Return a secret: as it was given, or else the one line that a file holds.

    Parameters
    ----------
    given
        From the configuration or the environment.
    path
        The file's; empty if there is none.
    key
        Of the configuration, for messages.

    Raises
    ------
    ConfigError
        If the file cannot be read, or holds anything else; what it holds is not shown.
    """
    if not path:
        return given
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_MOST_CHARACTERS + 1)
    except OSError as error:
        raise ConfigError(
            f"{key} is {path!r}, which cannot be read ({error.strerror}); name a file that this "
            "user may read"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{key} is {path!r}, which is not UTF-8 text") from None
    secret = text.removesuffix("\n")
    if not secret or "\n" in secret or len(secret) > _MOST_CHARACTERS:
        raise ConfigError(
            f"{key} is {path!r}, which must hold one line, not empty, of {_MOST_CHARACTERS:,} "
            "characters at most"
        )
    return Secret(secret)
