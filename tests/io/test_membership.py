"""What librdkafka writes down of a member is read rightly; it is documented nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamgmm.errors import BrokerError
from streamgmm.io.confluent import Confluent
from streamgmm.io.confluent.membership import is_known, is_member
from tests.io.members import assigned, member
from tests.workers import wait_for

if TYPE_CHECKING:
    from tests.conftest import TopicFactory


def test_a_member_and_a_stranger(kafka: str, topic: TopicFactory) -> None:
    with member(Confluent(), kafka, topic()) as source:
        assert is_known(source.membership)
        assert not is_member(source.membership)
        assigned(source)
        assert is_known(source.membership)
        assert is_member(source.membership)


def test_one_whose_name_another_takes_is_told_for_good(kafka: str, topic: TopicFactory) -> None:
    """The library does no more after that, so the job must not wait for it."""
    name = topic()
    with member(Confluent(), kafka, name, instance="one") as first:
        assigned(first)
        with (
            member(Confluent(), kafka, name, instance="one") as second,
            pytest.raises(
                BrokerError, match=r"(?s)into the group.*fenced.*check .*source.instance"
            ),
        ):
            wait_for(lambda: second.poll(0.1) or first.poll(0.1), "the error")


def test_what_is_not_known_is_no_member() -> None:
    for metadata in (None, b"", b"CGMDv3:\1\0\0\0group\0member\0\1", b"CGMDv2:\1\0\0\0group"):
        assert not is_member(metadata)
        assert metadata is None or not is_known(metadata)
