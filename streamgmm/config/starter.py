"""A commented configuration to begin with: a preset's events and model, with the user's source."""

from __future__ import annotations

import re
from importlib import resources
from typing import Final

from streamgmm.config.toml import toml_value

STARTERS: Final = ("network", "zeek", "transactions")
"""Presets to begin with."""
_SECTION: Final = re.compile(r"\[([a-z.]+)\]$")
_FROM_KAFKA: Final = ("source", "sink", "service")
_HEADER: Final = """# A job of streamgmm over {what}.
#
#     streamgmm check --explain FILE       what each setting does, and what it comes to
#     streamgmm replay --input FILE ...    what would have been found in a file
#     streamgmm run FILE
#
# `streamgmm check FILE` lists every key with its meaning; only what differs from the defaults is
# here. Any key can be given in the environment as STREAMGMM__SECTION__KEY, secrets best so.
"""
_WHAT: Final = {
    "network": "network flows, as probes write them in JSON",
    "zeek": "Zeek's conn.log in JSON",
    "transactions": "card authorisations in JSON",
}


def starter(preset: str, topic: str | None = None) -> str:
    """Return a commented configuration as TOML.

    Parameters
    ----------
    preset
        One of `STARTERS`.
    topic
        The Kafka topic to read; its outputs go to topics named after it. None reads standard input.
    """
    sections = _sections(preset)
    if topic is not None:
        kafka = _sections("kafka")
        sections |= {name: kafka[name] for name in _FROM_KAFKA}
        sections["source"] = _with(sections["source"], topic=topic, group=f"streamgmm-{topic}")
        sections["sink"] = _with(
            sections["sink"],
            alerts=f"{topic}-alerts",
            scores=f"{topic}-scores",
            dead_letters=f"{topic}-dead-letters",
        )
    return "\n".join([_HEADER.format(what=_WHAT[preset]), *sections.values()])


def _sections(preset: str) -> dict[str, str]:
    """Part a preset's text into its sections, with the comments right above each."""
    text = (resources.files("streamgmm") / "presets" / f"{preset}.toml").read_text("utf-8")
    found: dict[str, list[str]] = {"": []}
    lines = found[""]
    for line in text.splitlines():
        if header := _SECTION.match(line):
            above: list[str] = []
            while lines and lines[-1].startswith("#"):
                above.insert(0, lines.pop())
            lines = found[header[1]] = above
        lines.append(line)
    del found[""]
    return {name: "\n".join(lines).strip() + "\n" for name, lines in found.items()}


def _with(section: str, **values: str) -> str:
    """Return a section with other values of some keys."""
    for key, value in values.items():
        line = f"{key} = {toml_value(value)}".replace("\\", r"\\")
        section = re.sub(rf'^{key} = "[^"]*"', line, section, flags=re.MULTILINE)
    return section
