"""Where the documents' addresses and places are in a test: the one list of what is put for what.

The pages say `localhost:9092`, `127.0.0.1:9464` and `/etc`; a test has a broker on some port,
serves on a free one, and has a folder for the machine's root. What a command prints is put back,
so that it reads as on the page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.brokers.apache_kafka import free_ports

NO_BROKER = "localhost:9"
"""Nothing listens there: what a page without Kafka would reach."""

_BROKER = re.compile(r"\b(?:localhost|127\.0\.0\.1):9092\b")
_SERVED = re.compile(r"\b(localhost|127\.0\.0\.1):(9464|9465)\b")
_ROOT = re.compile(r"(?<![\w.}~-])/(?=(?:etc|opt|run|srv|var/lib|var/log)(?:/|\b))")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Of one page: its broker, its ports for HTTP, and the folder that stands for /."""

    broker: str
    ports: dict[str, int]
    root: Path

    @classmethod
    def new(cls, broker: str, root: Path) -> Addresses:
        """Take free ports."""
        return cls(broker, dict(zip(("9464", "9465"), free_ports(2), strict=True)), root)

    def here(self, text: str) -> str:
        """Put what there is here for what a page says."""
        text = _BROKER.sub(self.broker, text)
        text = _SERVED.sub(lambda found: f"{found[1]}:{self.ports[found[2]]}", text)
        return _ROOT.sub(f"{self.root}/", text)

    def on_page(self, text: str) -> str:
        """Put back what a page says; the folder of the commands is where a reader is."""
        text = text.replace(f"{self.root}/", "/").replace(f"{self.root.parent}/", "")
        text = re.sub(
            rf"\b(?:localhost|127\.0\.0\.1):{self.broker.rpartition(':')[2]}\b",
            "localhost:9092",
            text,
        )
        for said, port in self.ports.items():
            text = text.replace(f":{port}", f":{said}")
        return text

    def program(self, real: Path) -> str:
        """Write `streamgmm` as a page means it: its defaults are those addresses too.

        So are those of jobs that commands of the page have written.
        """
        return _STREAMGMM.format(real=real, broker=self.broker, port=self.ports["9464"])


_STREAMGMM = """\
#!/bin/bash
http="${{STREAMGMM__SERVICE__HTTP:-127.0.0.1:{port}}}"
for job in "$@"; do
    job="${{job%%.toml*}}.toml"
    [ ! -f "$job" ] ||
        sed -i 's/localhost:9092/{broker}/; s/127.0.0.1:9464/127.0.0.1:{port}/' "$job"
done
case " $* " in
    *" generate "*" --brokers "*) ;;
    *" generate "*" --topic "*) set -- "$@" --brokers {broker} ;;
    *" --at "*) ;;
    " incidents "* | " freeze "* | " unfreeze "* | " log-level "* | " demo "*)
        export STREAMGMM__SERVICE__HTTP="$http" ;;
    " run "*)
        grep -q '^http *=' "$2" || export STREAMGMM__SERVICE__HTTP="$http" ;;
esac
exec "{real}" "$@"
"""
