"""What `kafka-topics.sh` does for create-topics.sh, by kafka-python: its jar is not needed else."""

from __future__ import annotations

import argparse

from kafka import KafkaAdminClient


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--create", action="store_true", required=True)
    parser.add_argument("--if-not-exists", action="store_true", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--replication-factor", type=int, required=True)
    parser.add_argument("--config", action="append", default=[])
    options = parser.parse_args()
    admin = KafkaAdminClient(bootstrap_servers=options.bootstrap_server)
    if options.topic not in admin.list_topics():
        settings = {
            "num_partitions": options.partitions,
            "replication_factor": options.replication_factor,
            "configs": dict(one.split("=", 1) for one in options.config),
        }
        admin.create_topics({options.topic: settings}, wait_for_metadata=True)
    admin.close()


if __name__ == "__main__":
    main()
