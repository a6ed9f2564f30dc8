"""The workers that a page has started: whether they serve, and have read what is there.

A page's reader is slower than they are: what comes next is for workers that have read everything.
"""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from tests.docs.addresses import NO_BROKER

if TYPE_CHECKING:
    from tests.docs.addresses import Addresses

_PARTITION = re.compile(r"(.+)-(\d+)").fullmatch
_FEW = 500
"""So many events may wait where a generator goes on writing."""


def is_served(addresses: Addresses) -> bool:
    """Whether a worker answers on a port of the page."""
    return any(_get(port, "/healthz") for port in addresses.ports.values())


def counted(port: int, name: str) -> float:
    """Sum a counter over its labels; 0 where nobody answers."""
    text = _get(port, "/metrics")
    found = re.findall(rf"(?m)^streamgmm_{name}_total(?:\{{.*\}})? (\S+)$", text)
    return sum(map(float, found))


def has_records(brokers: str, topic: str) -> bool:
    """Whether something has been written to a topic."""
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        (told,) = admin.describe_topics([topic])
        partitions = [TopicPartition(topic, i) for i in range(len(told["partitions"]))]
        ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        return any(one.offset for one in ends.values())


def wait_until_read(addresses: Addresses, timeout: float = 60.0) -> None:
    """Wait until workers that answer, if any, have partitions and have committed what is there.

    Raises
    ------
    AssertionError
        They have not within `timeout` seconds.
    """
    if addresses.broker == NO_BROKER or not is_served(addresses):
        return
    deadline = time.monotonic() + timeout
    with closing(KafkaAdminClient(bootstrap_servers=addresses.broker)) as admin:
        while is_served(addresses):
            names = _models(addresses)
            found = [TopicPartition(one[1], int(one[2])) for one in map(_PARTITION, names) if one]
            # Of a file none are waited for.
            if names and _waiting(admin, found) < _FEW and _tell_of_all(addresses):
                return
            assert time.monotonic() < deadline, f"a worker has not read {names} by now"
            time.sleep(0.2)


def _models(addresses: Addresses) -> list[str]:
    """Name the models of the workers that answer."""
    texts = [_get(port, "/readyz") for port in addresses.ports.values()]
    return [name for text in texts if text for name in json.loads(text)["partitions"]]


def _tell_of_all(addresses: Addresses) -> bool:
    """Whether workers tell of all events they have counted: what they tell is renewed at times."""
    for port in addresses.ports.values():
        if text := _get(port, "/readyz"):
            told = json.loads(text)["partitions"].values()
            if sum(one["seen"] for one in told) < counted(port, "events") and not _frozen(port):
                return False
    return True


def _frozen(port: int) -> bool:
    return re.search(r"(?m)^streamgmm_frozen\S* 1", _get(port, "/metrics")) is not None


def _waiting(admin: KafkaAdminClient, partitions: list[TopicPartition]) -> int:
    """Count the events behind what a group that runs has committed."""
    ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    waiting = {one: ends[one].offset for one in partitions}
    for group in admin.list_groups():
        name = group["group_id"]
        for one, committed in admin.list_group_offsets(name)[name].items():
            if one in waiting:
                waiting[one] = min(waiting[one], ends[one].offset - committed.offset)
    return sum(waiting.values())


def _get(port: int, path: str) -> str:
    """Give what is answered, of /readyz also when it is not ready; empty where nobody does."""
    try:
        with urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
            return text
    except HTTPError as error:
        with error:
            return error.read().decode() if error.code == 503 else ""
    except (URLError, ConnectionError, TimeoutError):
        return ""
