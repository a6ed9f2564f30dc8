"""How much of everything: some by default, all of it for `make soak`; and the table of outcomes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.brokers.apache_kafka import KafkaBroker
from tests.faults.scene import Scale, Scene

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from tests.faults.scene import Outcome

SOME = Scale(events=6_000, times=2, outage=4.0, fuzzed=500)
ALL = Scale(events=300_000, times=30, outage=60.0, checkpoints="1s", fuzzed=100_000)

# By name: a table stands in the document between <!-- name --> and <!-- end of name -->.
_HEADS = {
    "outcomes": """| fault | times | events | lost | duplicated | different | state equal |
|---|---|---|---|---|---|---|""",
    "bad input": """| bad input | sent | dead letters | reasons | neighbours unchanged |
|---|---|---|---|---|""",
}
_TABLES = pytest.StashKey[dict[str, list[str]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-counts", action="store_true", help="faults with their full counts")
    parser.addoption(
        "--outcomes", metavar="FILE", help="put the tables of outcomes into this document"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TABLES] = {name: [] for name in _HEADS}


def pytest_unconfigure(config: pytest.Config) -> None:
    path = config.getoption("--outcomes")
    for name, rows in config.stash[_TABLES].items():
        if path and rows:
            document = Path(path)
            text = document.read_text(encoding="utf-8")
            before, begin, rest = text.partition(f"<!-- {name} -->")
            _, end, after = rest.partition(f"<!-- end of {name} -->")
            assert end, f"{path} has no place for the table {name!r}"
            table = "\n".join([_HEADS[name], *rows])
            document.write_text(f"{before}{begin}\n{table}\n{end}{after}", encoding="utf-8")


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
        request.config.stash[_TABLES]["outcomes"].append(
            f"| {fault} | {times} | {outcome.events:,} | {outcome.lost} | {outcome.duplicated} | "
            f"{outcome.different} | {equal} |"
        )
        return outcome.clean

    return note


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Give what puts a row into the table of bad input."""

    def note(kind: str, sent: int, dead: Counter[str], *, unchanged: bool) -> None:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in dead.most_common())
        request.config.stash[_TABLES]["bad input"].append(
            f"| {kind} | {sent:,} | {dead.total():,} | {reasons or 'none: they are events'} | "
            f"{'yes' if unchanged else 'NO'} |"
        )

    return note
