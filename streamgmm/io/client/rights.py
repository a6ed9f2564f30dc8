"""Rights on a cluster, and how they are granted, in words for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from streamgmm.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamgmm.io.client.connection import Connection

__all__ = ["Right", "refusal"]

_OPTIONS: Final = {
    "topic": "--topic",
    "group": "--group",
    "transactional id": "--transactional-id",
}


class Right(NamedTuple):
    """What a user must be allowed: ``Right("READ", "topic", "flows")``.

    With `prefix` it is on everything of which the name begins so.
    """

    operation: str
    kind: str
    name: str
    prefix: bool = False

    def __str__(self) -> str:
        several = f"{self.kind}s that begin with" if self.prefix else self.kind
        return f"{self.operation} on the {several} {self.name!r}"

    def command(self, user: str) -> str:
        """Give what Kafka's own tool is called with to grant it."""
        pattern = " --resource-pattern-type prefixed" if self.prefix else ""
        return (
            f"kafka-acls --add --allow-principal User:{user or 'NAME'} "
            f"--operation {self.operation.capitalize()} {_OPTIONS[self.kind]} {self.name}{pattern}"
        )


def refusal(connection: Connection, rights: Iterable[Right]) -> BrokerError:
    """Give the error of rights that are missing, with how to grant them."""
    rights = sorted(rights)
    who = f"the user {connection.user!r}" if connection.user else "us"
    return BrokerError(
        f"{connection} refuses {who} {', '.join(map(str, rights))}. To grant it: "
        + "; ".join(right.command(connection.user) for right in rights)
    )
