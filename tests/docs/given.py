"""What pages presuppose and do not make themselves: files, and topics on the broker."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from streamgmm.io.generate import flows
from tests.docs.blocks import ROOT
from tests.zeek import connections

TOPICS = {"flows", "flow-alerts", "flow-scores", "flow-dead-letters"}
"""Those of config/kafka.toml are there, but for pages that make them."""


def _zeek() -> str:
    return "".join(f"{json.dumps(one)}\n" for one in connections(600, seed=1))


def _flows() -> str:
    return "".join(f"{json.dumps(one)}\n" for one in islice(flows(seed=1), 2_000))


def _job() -> str:
    return (ROOT / "config" / "kafka.toml").read_text("utf-8")


FILES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"/opt/zeek/logs/current/conn.log": _zeek},
    "docs/deploying.md": {"job.toml": _job, "secrets.env": str},
    "docs/howto/upgrade.md": {"job.toml": _job, "flows.jsonl": _flows},
}
"""Page -> files that a reader has."""

FOLDERS: dict[str, set[str]] = {
    "deploy/README.md": {"/etc/prometheus", "/etc/grafana/provisioning/dashboards"},
    "docs/deploying.md": {"/etc/systemd/system"},
}
"""Page -> folders of programs that are installed."""


def files_of(page: Path) -> dict[str, str]:
    """Give the files that a page presupposes, with their content."""
    name = str(page.relative_to(ROOT))
    folders = {f"{folder}/.keep": "" for folder in FOLDERS.get(name, ())}
    return folders | {file: make() for file, make in FILES.get(name, {}).items()}


def topics_of(page: Path) -> set[str]:
    """Give the topics that a page on Kafka presupposes."""
    made = re.findall(r"--create --topic (\S+)", page.read_text("utf-8"))
    return TOPICS - set(made)
