"""What the library says of rights that are missing, in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kafka.errors import (
    AuthorizationError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)

from streamgmm.io.client import Right, refusal
from streamgmm.io.kafka.connection import describe

if TYPE_CHECKING:
    from streamgmm.io.client import Connection

__all__ = ["explain"]

_OWNERS: Final = {
    "group": GroupAuthorizationFailedError,
    "transactional id": TransactionalIdAuthorizationFailedError,
}


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
