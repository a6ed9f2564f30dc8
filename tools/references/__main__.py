"""Writes the references from the code: `make references`.

Pages keep what is written by hand; what is made stands between two comments. A test holds the
pages to what is made here.
"""

from __future__ import annotations

from pathlib import Path

from tools.references import command_line, configuration, metrics, records
from tools.references.tables import placed

ROOT = Path(__file__).parents[2]


def made() -> dict[str, str]:
    """Give every file as it is due, by its path in the repository."""
    pages = {
        "docs/configuration.md": configuration.blocks(),
        "docs/metrics.md": metrics.blocks(),
        "docs/command-line.md": command_line.blocks(),
        "docs/records.md": records.blocks(),
    }
    due = {name: placed((ROOT / name).read_text("utf-8"), blocks) for name, blocks in pages.items()}
    return due | {"docs/alert.schema.json": records.alert_schema()}


def main() -> None:
    """Write what differs, and say what that was."""
    for name, text in made().items():
        path = ROOT / name
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
            print(f"{name} is written")


if __name__ == "__main__":
    main()
