"""The verb that generates events: to standard output, or to a topic."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["add_verbs"]

_BROKERS: Final = "localhost:9092"


def add_verbs(verbs: Any, positive: Callable[[str], float], whole: Callable[[str], int]) -> None:
    """Add `generate` to a parser's verbs.

    `positive` reads a number above 0, `whole` a whole number from 0 on.
    """

    def positive_whole(text: str) -> int:
        value = whole(text)
        if value == 0:
            raise argparse.ArgumentTypeError("0 is not above 0")
        return value

    generate = verbs.add_parser("generate", help="write a labelled stream of events")
    generate.add_argument("kind", choices=["network", "transactions"])
    amount = generate.add_mutually_exclusive_group(required=True)
    amount.add_argument("--count", type=positive_whole, metavar="N", help="so many, at once")
    amount.add_argument("--rate", type=positive, metavar="R", help="so many a second, endless")
    generate.add_argument("--seed", type=whole, default=0, metavar="S", help="default 0")
    generate.add_argument(
        "--topic", metavar="TOPIC", help="to this Kafka topic, keyed by whom an event is about"
    )
    generate.add_argument(
        "--brokers", metavar="HOST:PORT", help=f"with --topic; default {_BROKERS}, commas between"
    )
    generate.set_defaults(call=_generate, parser=generate)


def _generate(options: argparse.Namespace) -> int:
    from streamgmm.io.generate import STREAMS, write_jsonl

    if options.brokers is not None and options.topic is None:
        options.parser.error("--brokers is for --topic: name the topic that is written to")
    pace = {} if options.rate is None else {"rate": options.rate}
    source = STREAMS[options.kind](seed=options.seed, **pace)
    if options.topic is None:
        write_jsonl(source, sys.stdout.buffer, count=options.count, rate=options.rate)
        return 0
    from streamgmm.service.logs import log_to_stderr
    from streamgmm.service.produce import KEYS, TopicStream

    log_to_stderr("warning")
    brokers = (options.brokers or _BROKERS).split(",")
    with TopicStream(brokers, options.topic, KEYS[options.kind]) as topic:
        write_jsonl(source, topic, count=options.count, rate=options.rate)
    return 0
