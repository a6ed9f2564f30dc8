"""A log without secrets, whoever writes it: client libraries put down what they send."""

from __future__ import annotations

import base64
import json
import logging
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamgmm.config import Secret

__all__ = ["HidingFormatter"]

_HIDDEN = "***"


class HidingFormatter(logging.Formatter):
    r"""Formats records, tracebacks included, with every secret as ``***``.

    Parameters
    ----------
    form
        As `logging.Formatter` takes it.
    secrets
        What is hidden, in every way in which Python or JSON would write it.

    Examples
    --------
    >>> from streamgmm.config import Secret
    >>> formatter = HidingFormatter("%(message)s", [Secret("hunter2")])
    >>> record = logging.LogRecord("kafka", 10, "", 0, "sent %s", (b"me\0hunter2",), None)
    >>> formatter.format(record)
    "sent b'me\\x00***'"
    """

    def __init__(self, form: str, secrets: Iterable[Secret] = ()) -> None:
        super().__init__(form)
        written = {way for secret in secrets for way in _ways_to_write(secret.reveal())}
        # The longest first: one may be a part of another.
        ways = map(re.escape, sorted(written, key=len, reverse=True))
        self._secrets = re.compile("|".join(ways)) if written else None

    def format(self, record: logging.LogRecord) -> str:
        """Format a record."""
        return self.hide(super().format(record))

    def hide(self, text: str) -> str:
        """Return a text with every secret in it as ``***``."""
        return text if self._secrets is None else self._secrets.sub(_HIDDEN, text)


def _ways_to_write(secret: str) -> set[str]:
    if not secret:
        return set()
    data = secret.encode()
    # Behind a double quote, so that Python puts single ones around and escapes those within.
    as_text, as_bytes = repr('"' + secret)[2:-1], repr(b'"' + data)[3:-1]
    return {
        secret,
        *(as_text, as_text.replace("\\'", "'")),
        *(as_bytes, as_bytes.replace("\\'", "'")),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        base64.b64encode(data).decode(),
        data.hex(),
    }
