"""Asks a running job over its HTTP address: incidents, and what operators do with them."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from streamgmm.errors import StreamGMMError

__all__ = ["Client"]

_TIMEOUT: Final = 30.0


class Client:
    """Talks to one job.

    Parameters
    ----------
    address
        Its "host:port", or a whole URL where something stands in front of it.
    token
        What commands must show: the job's service.token.
    """

    def __init__(self, address: str, token: str = "") -> None:
        self._url = (address if "://" in address else f"http://{address}").rstrip("/")
        self._token = token

    def incidents(self) -> dict[str, Any]:
        """Give the job's models and their incidents."""
        return self._ask("GET", "incidents")

    def act(self, action: str, incident: str | None = None) -> dict[str, Any]:
        """Accept, mute or unmute an incident; or freeze or unfreeze all models.

        Raises
        ------
        StreamGMMError
            If the job cannot be reached, or refuses; with its words.
        """
        place = action if incident is None else f"incidents/{quote(incident, safe='')}/{action}"
        return self._ask("POST", place)

    def log_level(self, level: str | None = None) -> dict[str, Any]:
        """Give the level of the job's log and the one before; change it first, if one is named."""
        if level is None:
            return self._ask("GET", "log-level")
        return self._ask("POST", f"log-level/{quote(level, safe='')}")

    def _ask(self, method: str, place: str) -> dict[str, Any]:
        if not self._url.startswith(("http://", "https://")):
            raise StreamGMMError(f"{self._url} is no address of a job; give host:port or a URL")
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        request = Request(f"{self._url}/{place}", method=method, headers=headers)  # noqa: S310
        try:
            with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - a scheme seen above
                return self._read(answer.read())
        except HTTPError as error:
            with error:
                told = self._read(error.read())
            raise StreamGMMError(told.get("error", f"{self._url} answers {error}")) from error
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise StreamGMMError(
                f"the job at {self._url} cannot be reached ({reason}); give its service.http "
                "address with --at"
            ) from error

    def _read(self, data: bytes) -> dict[str, Any]:
        try:
            told = json.loads(data)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise StreamGMMError(f"{self._url} does not answer as a job of streamgmm does")
        return told
