#!/bin/sh
# Makes the topics of the job; those that are there already stay as they are.
set -eu

create() {
    topic=$1
    shift
    "${KAFKA_TOPICS:-/opt/kafka/bin/kafka-topics.sh}" --bootstrap-server "${BROKERS:-kafka:9092}" \
        --create --if-not-exists --topic "$topic" --replication-factor 1 "$@"
}

create flows --partitions 2 --config retention.ms=86400000
create flow-alerts --partitions 2
create flow-scores --partitions 2 --config retention.ms=86400000
create flow-dead-letters --partitions 1
# State alone, compacted (docs/configuration.md): with small segments a start has little to read.
create streamgmm-state --partitions 2 --config cleanup.policy=compact \
    --config segment.bytes=67108864 --config min.cleanable.dirty.ratio=0.1
