"""Writes the dashboards as Grafana reads them: python -m deploy.grafana.generate.

Each is a module here, and asks Prometheus for the metrics themselves, so that it works without the
recording rules. Thresholds are those of the alert rules (deploy/prometheus).
"""

from __future__ import annotations

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana import detection, model, overview, runtime

_ROOMS = (overview, detection, model, runtime)
FOLDER = Path(__file__).parent / "dashboards"


def generated() -> dict[str, str]:
    """Give every dashboard's JSON by file name."""
    return {
        f"{made.uid}.json": json.dumps(made, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for made in (room.dashboard() for room in _ROOMS)
    }


def main() -> None:
    """Write them all, and remove what is no longer made."""
    made = generated()
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


if __name__ == "__main__":
    main()
