"""Calls of a client library that could take without end, and are not waited for so long."""

from __future__ import annotations

from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_background"]


def in_background(call: Callable[[], Any], name: str) -> Future[Any]:
    """Call it on a thread of that name, which may be left behind."""
    outcome: Future[Any] = Future()

    def work() -> None:
        try:
            result = call()
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            outcome.set_exception(error)
        else:
            outcome.set_result(result)

    Thread(target=work, name=name, daemon=True).start()
    return outcome
