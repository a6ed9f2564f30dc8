"""How much of everything: some by default, all of it for `make soak`; and the table of outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.brokers.apache_kafka import KafkaBroker
from tests.faults.scene import Scale, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.scene import Outcome

SOME = Scale(events=6_000, times=2, outage=4.0)
ALL = Scale(events=300_000, times=30, outage=60.0)

_TABLE = pytest.StashKey[list[str]]()
_BEGIN, _END = "<!-- outcomes -->", "<!-- end of outcomes -->"
_HEAD = """| fault | times | events | lost | duplicated | different | state equal |
|---|---|---|---|---|---|---|"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-counts", action="store_true", help="faults with their full counts")
    parser.addoption(
        "--outcomes", metavar="FILE", help="put the table of outcomes into this document"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLE] = []


def pytest_unconfigure(config: pytest.Config) -> None:
    path = config.getoption("--outcomes")
    if path and config.stash[_TABLE]:
        document = Path(path)
        before, _, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
        _, _, after = rest.partition(_END)
        table = "\n".join([_HEAD, *config.stash[_TABLE]])
        document.write_text(f"{before}{_BEGIN}\n{table}\n{_END}{after}", encoding="utf-8")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Yield a broker for the faults alone: it is stopped and killed."""
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as started:
        yield started


@pytest.fixture
def scale(request: pytest.FixtureRequest) -> Scale:
    return ALL if request.config.getoption("--all-counts") else SOME


@pytest.fixture
def scene(
    request: pytest.FixtureRequest, tmp_path: Path, broker: KafkaBroker, scale: Scale
) -> Iterator[Scene]:
    """Yield a job whose checkpoints are in a directory; or, with the parameter "topic", in one."""
    in_topic = getattr(request, "param", "directory") == "topic"
    made = Scene(tmp_path, broker.bootstrap, scale, in_topic=in_topic)
    yield made
    made.close()


@pytest.fixture
def clean(request: pytest.FixtureRequest) -> Callable[[str, int, Outcome], bool]:
    """Give what notes an outcome for the table, and says whether nothing is to be seen of it."""

    def note(fault: str, times: int, outcome: Outcome) -> bool:
        equal = "yes" if outcome.state_equal else "NO"
        request.config.stash[_TABLE].append(
            f"| {fault} | {times} | {outcome.events:,} | {outcome.lost} | {outcome.duplicated} | "
            f"{outcome.different} | {equal} |"
        )
        return outcome.clean

    return note
