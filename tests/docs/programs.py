"""Programs of the pages that are not those of this machine: small scripts in a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.brokers.apache_kafka import LOGGING
from tests.brokers.kafka_jars import jars_folder
from tests.docs.stand_ins import STAND_INS, script

if TYPE_CHECKING:
    from tests.docs.addresses import Addresses

_BIN = Path(sys.executable).parent

# Apache Kafka's own tools, of the jars that the tests' broker has.
_KAFKA_TOOLS = {
    "kafka-acls.sh": "org.apache.kafka.tools.AclCommand",
    "kafka-configs.sh": "org.apache.kafka.tools.ConfigCommand",
    "kafka-console-consumer.sh": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-console-producer.sh": "org.apache.kafka.tools.ConsoleProducer",
    "kafka-consumer-groups.sh": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}
_JAVA = "java -Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto"

# A benchmark is not run; an environment is made without pip, whose stand-in comes into it.
_PYTHON = """\
case "${{1:-}} ${{2:-}}" in
    "benchmarks/"* | "-m benchmarks."*) exec {bin}/benchmark "$@" ;;
    "-m venv")
        "{python}" -m venv --without-pip "${{@:3}}"
        cp {bin}/pip "${{@: -1}}/bin/pip"
        cp {bin}/streamgmm "${{@: -1}}/bin/streamgmm"
        exit ;;
esac
exec "{python}" "$@"
"""


def put_programs(folder: Path, addresses: Addresses, seen: Path) -> None:
    """Write the scripts of one page; `seen` is where stand-ins note what they are asked for."""
    folder.mkdir()
    for name in STAND_INS:
        _put(folder / name, script(name, seen))
    _put(folder / "apt", script("apt-get", seen))
    _put(folder / "sudo", 'exec "$@"\n')
    for name, of in _KAFKA_TOOLS.items():
        jars = f"{jars_folder()}/*"
        _put(
            folder / name,
            f'exec {_JAVA} -Dlog4j2.configurationFile={LOGGING} -cp "{jars}" {of} "$@"\n',
        )
    python = _PYTHON.format(python=sys.executable, bin=folder)
    for name in ("python", "python3"):
        _put(folder / name, python)
    _put(folder / "streamgmm", addresses.program(_BIN / "streamgmm"))


def _put(path: Path, text: str) -> None:
    path.write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}", "utf-8")
    path.chmod(0o755)
