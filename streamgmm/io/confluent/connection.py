"""How the library is told to reach brokers, and what it means when it cannot."""

from __future__ import annotations

import logging
import time
from concurrent.futures import TimeoutError as StillWaiting
from typing import TYPE_CHECKING, Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streamgmm.errors import BrokerError, ConfigError
from streamgmm.io.client import Right, check_certificates, refusal
from streamgmm.io.client.checks import no_broker, wrong_credentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from streamgmm.io.client import Connection

__all__ = ["LIBRARY_LOG", "Asking", "describe", "error_of", "explain", "settings_of_client"]

# What the library itself has to say; without a logger it writes to standard error.
LIBRARY_LOG: Final = logging.getLogger("confluent_kafka")

_CHECK_SECONDS: Final = 0.05
_log = logging.getLogger(__name__)
_NAMES: Final = {
    "security_protocol": "security.protocol",
    "sasl_mechanism": "sasl.mechanism",
    "sasl_plain_username": "sasl.username",
    "sasl_plain_password": "sasl.password",
    "ssl_cafile": "ssl.ca.location",
    "ssl_certfile": "ssl.certificate.location",
    "ssl_keyfile": "ssl.key.location",
}
_UNREACHED: Final = (
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._SSL,
)
_OWNERS: Final = {
    KafkaError.GROUP_AUTHORIZATION_FAILED: "group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "transactional id",
}
_Answer = TypeVar("_Answer")


def settings_of_client(connection: Connection) -> dict[str, Any]:
    """Give what every client of the library is made with."""
    return {
        "bootstrap.servers": ",".join(connection.brokers),
        "client.id": connection.client_id,
        "reconnect.backoff.max.ms": 2000,
        "socket.timeout.ms": 10_000,
        "logger": LIBRARY_LOG,
        **({"debug": "security,cgrp,eos"} if LIBRARY_LOG.isEnabledFor(logging.DEBUG) else {}),
        "log.connection.close": False,
        "error_cb": _note,
        **{_NAMES[name]: value for name, value in connection.security.items()},
    }


def _note(error: KafkaError) -> None:
    _log.debug("the library reports: %s", describe(error))


class Asking:
    """An admin client whose answers are waited for in short pieces, while a job starts.

    Parameters
    ----------
    connection
        Where to ask; its `check` is called while anything is waited for.

    Raises
    ------
    ConfigError
        If the settings cannot be used.
    """

    def __init__(self, connection: Connection) -> None:
        check_certificates(connection.security)
        self._connection = connection
        self._failure: KafkaError | None = None
        settings = {**settings_of_client(connection), "error_cb": self._note}
        try:
            self.admin = AdminClient(settings)
        except (KafkaException, ValueError) as error:
            raise ConfigError(f"the Kafka settings cannot be used: {error}") from error

    def _note(self, error: KafkaError) -> None:
        # That none is left says less than why the last one was.
        if self._failure is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._failure = error

    def answer(self, ask: Callable[..., Future[_Answer]]) -> _Answer:
        """Wait for what `ask`, called with ``request_timeout`` in seconds, promises.

        Raises
        ------
        BrokerError
            If no broker answers in time, or the credentials are refused.
        KafkaException
            If the answer is another error.
        """
        patience = max(0.1, self._connection.start_timeout)
        deadline = time.monotonic() + patience
        promised = ask(request_timeout=patience)
        while True:
            self._connection.check()
            self.admin.poll(0)
            if self._failure is not None and self._failure.code() == KafkaError._AUTHENTICATION:
                raise wrong_credentials(self._connection, describe(self._failure))
            try:
                return promised.result(_CHECK_SECONDS)
            except StillWaiting:
                if time.monotonic() > deadline + 1.0:
                    raise self._unreached() from None
            except KafkaException as error:
                if error_of(error).code() in _UNREACHED:
                    raise self._unreached() from error
                raise

    def _unreached(self) -> BrokerError:
        reason = "" if self._failure is None else describe(self._failure)
        return no_broker(self._connection, reason)


def error_of(error: BaseException) -> KafkaError:
    """Give the library's error that an exception carries."""
    found = error.args[0] if error.args else None
    return found if isinstance(found, KafkaError) else KafkaError(KafkaError._FAIL, str(error))


def describe(error: KafkaError | BaseException) -> str:
    """Name an error of the library, with what it says."""
    one = error_of(error) if isinstance(error, BaseException) else error
    return f"{one.name().lstrip('_')}: {one.str()}"


def explain(
    error: KafkaError | BaseException,
    connection: Connection,
    *,
    topic: Right | None = None,
    owner: Right | None = None,
) -> str:
    """Describe an error; where a right is missing, say which, and how it is granted.

    Parameters
    ----------
    error
        Of the library.
    connection
        What it went wrong on.
    topic
        The right to a topic that was used.
    owner
        The right that was used beside it: to a group, or to a transactional id.
    """
    one = error_of(error) if isinstance(error, BaseException) else error
    if one.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED and topic is not None:
        return str(refusal(connection, [topic]))
    if owner is not None and _OWNERS.get(one.code()) == owner.kind:
        return str(refusal(connection, [owner]))
    return describe(one)
