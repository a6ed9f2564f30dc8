"""What is only checked is refused where it is wrong."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.stand_ins import STAND_INS, look_at, script


@pytest.mark.parametrize(
    ("program", "arguments", "message"),
    [
        ("docker", ("compose", "-f", "nowhere.yaml", "up"), "there is no nowhere.yaml"),
        ("docker", ("run", "streamgmm:9.9.9"), "the image is streamgmm:"),
        ("docker", ("swarm", "init"), "docker swarm is not known"),
        ("helm", ("install", "a", "nowhere"), "there is no nowhere/Chart.yaml"),
        ("kubectl", ("apply", "-f", "nowhere.yaml"), "there is no nowhere.yaml"),
        ("systemctl", ("enable", "--now", "nowhere"), "nowhere.service"),
        ("pip", ("install", "streamgmm[river]"), "no extra river"),
        ("pip", ("install", "leftpad"), "none of the packages"),
        ("make", ("no-such-target",), "no-such-target"),
        ("benchmark", ("-m", "benchmarks.batch", "--nothing"), "unrecognized arguments: --nothing"),
        ("apt-get", ("install", "cowsay"), "needs the package cowsay"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, program: str, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "root").mkdir()
    seen, stand_in = tmp_path / "seen", tmp_path / program
    stand_in.write_text(script(program, seen), "utf-8")
    subprocess.run(["bash", stand_in, *arguments], cwd=tmp_path, check=True)
    with pytest.raises(AssertionError, match=re.escape(message)):
        look_at(seen)


def test_every_one_says_why() -> None:
    assert all(len(one.because) > 20 for one in STAND_INS.values())
