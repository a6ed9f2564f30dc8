"""How brokers are reached, whichever library does it."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Connection", "check_certificates"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Connection:
    """How to reach the brokers: addresses, security, patience at start.

    `check` is called often while anything is waited for at the start; what it raises ends that.

    Parameters
    ----------
    security
        ``security_protocol``, ``sasl_mechanism``, ``sasl_plain_username``, ``sasl_plain_password``,
        ``ssl_cafile``, ``ssl_certfile``, ``ssl_keyfile``, as far as they are needed.
    """

    brokers: Sequence[str]
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)
    client_id: str = "streamgmm"
    start_timeout: float = 30.0
    check: Callable[[], None] = lambda: None

    @property
    def user(self) -> str:
        """The name we go by; empty where the brokers know us by a certificate, or not at all."""
        return str(self.security.get("sasl_plain_username", ""))

    def announce(self, what: str) -> None:
        """Say in the log that the brokers are looked for."""
        _log.info("%s: connecting to %s (giving up after %g s)", what, self, self.start_timeout)

    def __str__(self) -> str:
        return ", ".join(self.brokers)


def check_certificates(security: Mapping[str, Any]) -> None:
    """See that what the library will load can be loaded; it would try again and again.

    Raises
    ------
    ConfigError
        If a file is not there, or is of no use.
    """
    files = {name: path for name, path in security.items() if name.startswith("ssl_")}
    for name, path in files.items():
        if not Path(path).is_file():
            raise ConfigError(f"{name} is {path!r}, but there is no such file; name a PEM file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if "ssl_cafile" in files:
            context.load_verify_locations(files["ssl_cafile"])
        if "ssl_certfile" in files:
            # With a password, so that nobody is asked for one on the terminal.
            context.load_cert_chain(files["ssl_certfile"], files.get("ssl_keyfile"), password="")
    except OSError as error:
        raise ConfigError(
            f"{' and '.join(sorted(files))} cannot be used ({error}): PEM files are needed, of "
            "which this user may read all, the private key without a password and the certificate's"
        ) from error
