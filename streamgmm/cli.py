"""The command line: verbs and their options; the work is done elsewhere.

Data go to standard output, the log to standard error. Exit codes: 0 done; 1 failure; 2 usage;
3 configuration; 4 broker; 5 state; 130 interrupted, after draining; 143 by a second SIGTERM.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Final

import streamgmm
from streamgmm import generate_cli, job_cli, operator_cli, snapshot_cli
from streamgmm.errors import ConfigError, StreamGMMError
from streamgmm.system import POSIX, require_posix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["EXIT_CODES", "main"]

EXIT_CODES: Final[dict[int, str]] = {
    0: "done, or stopped by SIGTERM after draining",
    1: "failure",
    2: "usage",
    3: "configuration",
    4: "a broker refused us, or none was reached within `start_timeout`; never once work has begun",
    5: "saved state is damaged, newer, or of a configuration that cannot be changed in a running "
    'job; or events were lost and `lost_events` is "stop"',
    130: "interrupted by Ctrl-C, after draining; or at once by a second Ctrl-C",
    143: "`run`: ended at once by a second signal, SIGTERM",
}
"""What the program's exit codes mean, for `docs/command-line.md`."""

_log = logging.getLogger(__name__)
_INTERRUPTED: Final = 130
_EPILOG: Final = """exit codes:
  0 done   1 failure   2 usage   3 configuration
  4 broker refused us, or none was reached at start   5 saved state   130 interrupted
  143 ended at once by a second SIGTERM"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit code."""
    _stand_in_for_closed_streams()
    _write_utf_8()
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.verb is None:
        parser.print_help()
        return 2
    verb: Callable[[argparse.Namespace], int] = options.call
    try:
        code = verb(options)
        sys.stdout.flush()
    except StreamGMMError as error:
        _complain(error)
        _settle_stdout()
        return error.exit_code
    except KeyboardInterrupt:
        _settle_stdout()
        return _INTERRUPTED
    except BrokenPipeError:
        return _reader_gone(options.verb)
    except OSError as error:
        _settle_stdout()
        where = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or error
        _say(f"{options.verb} cannot go on: {where}{reason}")
        return 1
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="streamgmm",
        description="Finds unusual events in streams with an online Gaussian mixture.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"streamgmm {streamgmm.__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")

    demo = verbs.add_parser("demo", help="watch it at work on the shipped network connections")
    demo.add_argument(
        "--live", action="store_true", help="generated flows instead, with attacks, until Ctrl-C"
    )
    demo.add_argument(
        "--attack",
        choices=["burst", "slow", "new-behaviour"],
        help="with --live: one within seconds, and another every minute",
    )
    demo.add_argument(
        "--rate", type=_not_negative, metavar="R", help="events a second, 0 = at full speed"
    )
    demo.set_defaults(call=_demo, parser=demo)

    run = verbs.add_parser("run", help="run a job: a file to its end, Kafka until stopped")
    run.add_argument("config", metavar="CONFIG", help="the job's TOML file")
    run.set_defaults(call=_run)

    again = verbs.add_parser(
        "replay", help="take a file through a new model and say what would have been found"
    )
    again.add_argument("config", nargs="?", metavar="CONFIG", help="default: all numeric fields")
    again.add_argument(
        "--input", required=True, metavar="FILE", help='JSON lines or CSV, plain or gzip, or "-"'
    )
    again.add_argument("--label", metavar="COLUMN", help="the field with the truth, to measure by")
    again.add_argument("--alerts", metavar="FILE", help='write the alerts as JSON lines, or "-"')
    again.add_argument("--scores", metavar="FILE", help='write all scores as JSON lines, or "-"')
    again.add_argument("--report", metavar="FILE", help="write a report to look at, one HTML file")
    again.add_argument(
        "--kind",
        metavar="FIELD",
        help='with --report and --label: what names the kind of an anomaly; default "kind"',
    )
    again.add_argument(
        "--episodes",
        metavar="KIND=FIELD",
        type=_kind_and_field,
        action="append",
        default=[],
        help="an episode of this kind goes by this field and not by the key: flood=dst; repeatable",
    )
    again.set_defaults(call=_replay, parser=again)

    job_cli.add_verbs(verbs, _positive)

    generate_cli.add_verbs(verbs, _positive, _whole)

    operator_cli.add_verbs(verbs)
    snapshot_cli.add_verbs(verbs)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from rich.console import Console

    from streamgmm.service.demo import live, sample
    from streamgmm.service.logs import log_to_stderr
    from streamgmm.service.stop import Stop

    if options.live and options.rate is not None and not 0 < options.rate <= live.MOST_RATE:
        options.parser.error(
            f"--rate is {options.rate:g}, but --live has no end, so it cannot go at full speed; "
            f"allowed is above 0, up to {live.MOST_RATE:,.0f}"
        )
    if options.attack and not options.live:
        options.parser.error("--attack is for --live: the sample is what it is")
    if options.live:
        require_posix("demo --live")
    log_to_stderr("warning")
    stop, rate = Stop(), options.rate
    console = Console(highlight=False, soft_wrap=True)
    with stop.on_signals():
        if options.live:
            rate = live.RATE if rate is None else rate
            live.LiveDemo(console, stop, rate=rate, attack=options.attack).run()
        else:
            sample.Demo(console, stop, rate=sample.RATE if rate is None else rate).run()
    return _code_of(stop.signal)


def _run(options: argparse.Namespace) -> int:
    from streamgmm.config import load
    from streamgmm.service.logs import log_to_stderr, toggled_by_signal
    from streamgmm.service.run import run
    from streamgmm.service.stop import Stop

    require_posix("run")
    config = load(options.config)
    service = config.service
    log_to_stderr(service.log_level, service.log_format, config.secrets())
    stop = Stop()
    with stop.on_signals(at_once=True), toggled_by_signal():
        run(config, stop)
    return _code_of(stop.signal)


def _replay(options: argparse.Namespace) -> int:
    from streamgmm.service.logs import log_to_stderr
    from streamgmm.service.replay_file import ReplayFile, ReportFile
    from streamgmm.service.stop import Stop

    if options.report == "-":
        options.parser.error("--report is a file that a browser opens; name one, such as out.html")
    for option, given in (("--kind", options.kind), ("--episodes", options.episodes)):
        if given and not (options.report and options.label):
            options.parser.error(f"{option} is for a --report on events with a --label")
    report = None
    if options.report:
        report = ReportFile(options.report, options.kind, dict(options.episodes))

    log_to_stderr("info")
    stop = Stop()
    with stop.on_signals():
        ReplayFile(
            options.input,
            options.config,
            label=options.label,
            alerts=options.alerts or "",
            scores=options.scores or "",
            report=report,
            stop=stop,
        ).run()
    return _code_of(stop.signal)


def _complain(error: StreamGMMError) -> None:
    for problem in error.problems if isinstance(error, ConfigError) else (str(error),):
        _say(problem)


def _say(why: str) -> None:
    """Say why the program ends; where the log is JSON, as its last line."""
    from streamgmm.service.logs import log_is_json

    if log_is_json():
        _log.critical("%s", why)
    else:
        sys.stderr.write(f"streamgmm: {why}\n")


def _code_of(number: int | None) -> int:
    return _INTERRUPTED if number == signal.SIGINT else 0


def _reader_gone(verb: str) -> int:
    """End quietly where the reader had enough (`| head`); a job's alerts must not be lost so."""
    _settle_stdout()
    if verb != "run":
        return 0
    _say("whoever read the standard output has closed it")
    return 1


def _settle_stdout() -> None:
    """Flush standard output; if it takes nothing, drop the rest: Python would complain at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stand_in_for_closed_streams() -> None:
    """See to it that no file opened later becomes a standard stream that was closed (`>&-`).

    What stands in for input cannot be read, for output not written: using it is an error.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # takes the lowest free number, which is this one
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _write_utf_8() -> None:
    """Write what we write everywhere, where the system would take a code page (Windows)."""
    if not POSIX:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(encoding="utf-8")


def _kind_and_field(text: str) -> tuple[str, str]:
    kind, equals, field = text.rpartition("=")
    if not (kind and equals and field):
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=FIELD, such as flood=dst")
    return kind, field


def _positive(text: str) -> float:
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _not_negative(text: str) -> float:
    return 0.0 if _number(text) == 0 else _positive(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _whole(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value
