"""The log shows no secret, whoever writes it."""

from __future__ import annotations

import json
import logging
import sys

from hypothesis import given
from hypothesis import strategies as st

from streamgmm.config import Secret
from streamgmm.service.secrecy import HidingFormatter

SECRETS = st.text(st.characters(exclude_categories=("Cs",)), min_size=4, max_size=20)


def formatted(
    message: str, *arguments: object, secrets: tuple[str, ...], error: bool = False
) -> str:
    record = logging.LogRecord(
        "kafka", logging.DEBUG, "", 0, message, arguments, sys.exc_info() if error else None
    )
    return HidingFormatter("%(message)s", map(Secret, secrets)).format(record)


@given(SECRETS, st.sampled_from(["", "'", '"', "'\"", "\\"]))
def test_however_python_writes_it(secret: str, beside: str) -> None:
    text = f"{beside}<{secret}>{beside}"
    for written in (text, repr(text), repr(text.encode()), repr({"a": text}), json.dumps(text)):
        got = formatted("password %s", written, secrets=(secret,))
        assert "<***>" in got, (written, got)


def test_in_tracebacks_too() -> None:
    try:
        int("hunter2")
    except ValueError:
        text = formatted("oh", secrets=("hunter2",), error=True)
    assert "Traceback" in text
    assert text.endswith("invalid literal for int() with base 10: '***'")


def test_one_that_is_a_part_of_another() -> None:
    assert formatted("%s %s", "abcdef", "abcd", secrets=("abcd", "abcdef")) == "*** ***"


def test_without_secrets_everything_is_as_it_was() -> None:
    assert formatted("a %d", 1, secrets=()) == "a 1"
    assert formatted("a %d", 1, secrets=("",)) == "a 1"
