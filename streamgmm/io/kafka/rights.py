"""Rights on a cluster: which are missing."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from kafka.errors import (
    AuthorizationError,
    GroupAuthorizationFailedError,
    RetriableError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
    for_code,
)

from streamgmm.io.client import Right, refusal
from streamgmm.io.kafka.connection import describe

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from kafka import KafkaAdminClient

    from streamgmm.io.client import Connection

__all__ = ["explain", "require_rights"]

_log = logging.getLogger(__name__)
_OWNERS: Final = {
    "group": GroupAuthorizationFailedError,
    "transactional id": TransactionalIdAuthorizationFailedError,
}


def require_rights(
    admin: KafkaAdminClient,
    operations: Collection[str],
    topics: Iterable[str],
    connection: Connection,
) -> None:
    """See that operations on topics are ours to do; topics that do not exist are passed over.

    Raises
    ------
    BrokerError
        If one is not; it names all that are missing, and how to grant them.
    """
    try:
        described = admin.describe_topics(list(topics))
    except RetriableError as error:
        _log.debug("our rights are not known: %s", describe(error))
        return
    missing = []
    for topic in described:
        refused = issubclass(for_code(topic["error_code"]), AuthorizationError)
        allowed = topic["authorized_operations"]  # None or empty: the broker does not tell
        missing += [
            Right(operation, "topic", topic["name"])
            for operation in operations
            if refused or (allowed and operation not in allowed)
        ]
    if missing:
        raise refusal(connection, missing)


def explain(
    error: BaseException, connection: Connection, *, operation: str, owner: Right | None = None
) -> str:
    """Describe an error; where a right is missing, say which, and how it is granted.

    Parameters
    ----------
    error
        Of the library.
    connection
        What it went wrong on.
    operation
        What was tried with topics.
    owner
        The right that was used beside those: to a group, or to a transactional id; if any.
    """
    cause = next((one for one in error.args if isinstance(one, AuthorizationError)), error)
    if isinstance(cause, TopicAuthorizationFailedError):
        found = cause.args[0] if cause.args else ""
        names = [found] if isinstance(found, str) else found
        return str(refusal(connection, [Right(operation, "topic", name) for name in names]))
    if owner is not None and isinstance(cause, _OWNERS[owner.kind]):
        return str(refusal(connection, [owner]))
    return describe(error)
