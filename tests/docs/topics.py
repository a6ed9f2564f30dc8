"""The topics of pages, whose names are fixed: made for one page, gone after it."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from kafka import KafkaAdminClient
from kafka.admin import (
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePatternFilter,
    ResourceType,
)

from tests.workers import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The rights that pages give, to a user of their own.
_GRANTED = ACLFilter(
    principal="User:streamgmm",
    host="*",
    operation=ACLOperation.ANY,
    permission_type=ACLPermissionType.ANY,
    resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)


@contextmanager
def only_for_a_page(brokers: str, names: Iterable[str]) -> Iterator[None]:
    """Make topics, and delete all topics and groups that are new afterwards."""
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        before, groups = _topics(admin), _groups(admin)
        if taken := before & set(names):
            raise AssertionError(
                f"the broker at {brokers} has {', '.join(sorted(taken))}, which pages write to: "
                "delete these topics or take another broker"
            )
        make_topics(admin, names)
    try:
        yield
    finally:
        with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
            admin.delete_acls([_GRANTED])
            new = _topics(admin) - before
            if new:
                admin.delete_topics(sorted(new))
            if more := _groups(admin) - groups:
                admin.delete_groups(sorted(more))
            wait_for(lambda: not _topics(admin) & new, "the topics to be gone")


def make_topics(admin: KafkaAdminClient, names: Iterable[str]) -> None:
    """Make topics that are not there yet; those of state are compacted."""
    wanted = {
        name: {
            "num_partitions": 1,
            "replication_factor": 1,
            "configs": {"cleanup.policy": "compact"} if name.endswith("state") else {},
        }
        for name in sorted(set(names) - set(admin.list_topics()))
    }
    if wanted:
        admin.create_topics(wanted, wait_for_metadata=True)


def _topics(admin: KafkaAdminClient) -> set[str]:
    """Name the topics that are not the broker's own."""
    return {name for name in admin.list_topics() if not name.startswith("__")}


def _groups(admin: KafkaAdminClient) -> set[str]:
    return {one["group_id"] if isinstance(one, dict) else one[0] for one in admin.list_groups()}
