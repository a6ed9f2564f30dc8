"""From the configuration to a connection with brokers, and to the library that makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamgmm.config import KafkaInput
from streamgmm.errors import ConfigError
from streamgmm.io.client import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgmm.config import Config, KafkaOutput
    from streamgmm.io.client import Client

__all__ = ["client_named", "client_of", "connection"]


def client_of(config: Config) -> Client:
    """Give what makes sources and sinks over Kafka: the library that the job names.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    return client_named(config.service.client)


def client_named(name: str) -> Client:
    """Give what makes sources and sinks over Kafka: "kafka-python" or "confluent".

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    if name == "kafka-python":
        from streamgmm.io.kafka import KafkaPython

        return KafkaPython()
    try:
        import streamgmm.io.confluent as found
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "confluent_kafka":
            raise
        raise ConfigError(
            'service.client is "confluent", which is not installed: pip install '
            "'streamgmm[confluent]', or leave it out for kafka-python"
        ) from error
    return found.Confluent()


def connection(
    to: KafkaInput | KafkaOutput, config: Config, check: Callable[[], None] = lambda: None
) -> Connection:
    """Give what the Kafka clients need; a sink without brokers takes the source's.

    `check` is called often while anything is waited for; what it raises ends that.
    """
    origin = config.source
    patience = origin.start_timeout if isinstance(origin, KafkaInput) else 30.0
    at = to if to.brokers or not isinstance(origin, KafkaInput) else origin
    security: dict[str, Any] = {"security_protocol": at.security.upper()}
    if at.security.startswith("sasl"):
        security |= {
            "sasl_mechanism": at.sasl_mechanism,
            "sasl_plain_username": at.sasl_username,
            "sasl_plain_password": at.password.reveal(),
        }
    files = {name: getattr(at, name) for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile")}
    security |= {name: path for name, path in files.items() if path}
    return Connection(brokers=at.brokers, security=security, start_timeout=patience, check=check)
