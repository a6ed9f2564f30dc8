"""How the library reaches brokers, and what it means when it cannot, in words for a person."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from kafka.errors import (
    AuthorizationError,
    IllegalSaslStateError,
    KafkaConfigurationError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector

from streamgmm.errors import BrokerError, ConfigError
from streamgmm.io.client import check_certificates
from streamgmm.io.client.checks import no_broker, wrong_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgmm.io.client import Connection

__all__ = ["REQUEST_TIMEOUT_MS", "Starting", "describe", "settings_of_client"]

REQUEST_TIMEOUT_MS: Final = 10_000
_CREDENTIALS: Final = (
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
    IllegalSaslStateError,
)
# So many times in a row a broker may hang up during the login before it counts as a refusal.
_HANG_UPS: Final = 3
_CHECK_SECONDS: Final = 0.05


def settings_of_client(connection: Connection) -> dict[str, Any]:
    """Give what every client of the library is made with."""
    return {
        "bootstrap_servers": list(connection.brokers),
        "client_id": connection.client_id,
        "bootstrap_timeout_ms": max(1, int(connection.start_timeout * 1000)),
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "reconnect_backoff_max_ms": 2000,
        **connection.security,
    }


class Starting:
    """While clients are made: turns what goes wrong into errors that a person can act on.

    Parameters
    ----------
    connection
        Where the clients connect to.

    Raises
    ------
    BrokerError, ConfigError
        On leaving, if a client could not be made. What the connection's `check` raises passes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._managers: list[_WatchedManager] = []
        self._clients: list[KafkaNetClient] = []
        self._loops: list[_CheckedLoop] = []

    def settings(self) -> dict[str, Any]:
        """Give what a client of the library is made with, so that it can be watched."""
        return {**settings_of_client(self._connection), "kafka_client": self._make_client}

    def made(self, client: Any) -> Any:
        """Give back a client that could be made, which from now on closes what is its own."""
        self._clients.clear()
        return client

    def _make_client(self, **settings: Any) -> KafkaNetClient:
        net = _CheckedLoop(self._connection.check, **settings)
        manager = _WatchedManager(net, **settings)
        client = KafkaNetClient(net=net, manager=manager)
        self._managers.append(manager)
        self._clients.append(client)
        self._loops.append(net)
        return client

    def __enter__(self) -> Self:
        check_certificates(self._connection.security)
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        for loop in self._loops:
            loop.check = None
        if error is None:
            return
        # The library leaves a client that could not be made with its sockets open.
        for client in self._clients:
            client._net.stop()
            client.close()
        if isinstance(error, KafkaError):
            raise self._explain(error) from error
        if isinstance(error, (OSError, ValueError)):
            raise ConfigError(f"the Kafka settings cannot be used: {error}") from error

    def _explain(self, error: KafkaError) -> BrokerError | ConfigError:
        at = self._connection
        if isinstance(error, KafkaTimeoutError):
            last = next((one.failure for one in self._managers if one.failure is not None), None)
            return no_broker(at, "" if last is None else describe(last))
        if isinstance(error, _CREDENTIALS):
            return wrong_credentials(at, describe(error))
        if isinstance(error, AuthorizationError):
            return BrokerError(
                f"{at} refused access ({describe(error)}): grant this user the rights that "
                "docs/howto/secure.md lists"
            )
        if isinstance(error, KafkaConfigurationError):
            return ConfigError(f"the Kafka settings cannot be used: {error}")
        return BrokerError(f"{at} cannot be used: {describe(error)}")


class _CheckedLoop(NetworkSelector):  # type: ignore[misc]
    """The library's event loop, on which the thread that made it waits in short pieces.

    Attributes
    ----------
    check
        Called between the pieces, until it raises; None to wait as the library does.
    """

    def __init__(self, check: Callable[[], None], **settings: Any) -> None:
        super().__init__(**settings)
        self.check: Callable[[], None] | None = check
        self._maker = threading.current_thread()

    def run(self, coro: Any, *arguments: Any) -> Any:
        """Wait for a coroutine's result, as the library does."""
        if self.check is None or threading.current_thread() is not self._maker:
            return super().run(coro, *arguments)
        future = self.call_soon_with_future(coro, *arguments)
        while not future.is_done:
            self._check()
            if self._io_thread is None:
                self.poll(_CHECK_SECONDS * 1000, future)
            elif self._exception is not None:
                raise self._exception
            else:
                time.sleep(_CHECK_SECONDS / 10)
        if future.exception is not None:
            raise future.exception
        return future.value

    def _check(self) -> None:
        check, self.check = self.check, None  # closing waits too
        if check is not None:
            check()
            self.check = check


class _WatchedManager(KafkaConnectionManager):  # type: ignore[misc]
    """The library's connections, which also remember why the last one failed.

    Attributes
    ----------
    failure
        Why the last connection could not be made; None if none has failed.
    """

    def __init__(self, net: NetworkSelector, **settings: Any) -> None:
        super().__init__(net, **settings)
        self.failure: BaseException | None = None
        self._login = str(settings.get("security_protocol", "")).startswith("SASL")
        self._hang_ups = 0

    def get_connection(self, node_id: Any, *arguments: Any, **options: Any) -> Any:
        """Give a connection as the library does; raise what was refused while starting."""
        if isinstance(self.failure, _CREDENTIALS) and not self.bootstrapped:
            raise self.failure
        connection = super().get_connection(node_id, *arguments, **options)
        if not connection.init_future.is_done:
            connection.init_future.add_errback(partial(self._remember, connection))
        return connection

    def _remember(self, connection: Any, error: BaseException) -> None:
        self.failure = error
        # It has told its version, so it is a broker, and then hung up before the login was done.
        hung_up = isinstance(error, KafkaConnectionError) and connection.broker_version is not None
        self._hang_ups = self._hang_ups + 1 if self._login and hung_up else 0
        if self._hang_ups >= _HANG_UPS:
            self.failure = SaslAuthenticationFailedError("the broker hung up during the login")


def describe(error: BaseException | None) -> str:
    """Name an error of the library, with what it says if it says anything."""
    name = type(error).__name__.removesuffix("Error")
    return f"{name}: {error}" if str(error) else name
