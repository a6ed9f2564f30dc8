"""The decoder of a job's events, where these are in a binary format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgmm.config import KafkaInput

if TYPE_CHECKING:
    from streamgmm.config import Config
    from streamgmm.events.binary import BinaryDecoder, Format

__all__ = ["binary_decoder"]


def binary_decoder(config: Config) -> BinaryDecoder | None:
    """Read the job's schema file and hold the events' types to it; None for JSON and CSV.

    Raises
    ------
    ConfigError
        The file cannot be used, or lacks what ``[events]`` names, or has it with other types.
    """
    source = config.source
    if not isinstance(source, KafkaInput) or source.format == "json":
        return None
    from streamgmm.events.binary import BinaryDecoder

    confluent = source.framing == "confluent"
    described: Format
    if source.format == "avro":
        from streamgmm.events.avro import AvroFormat

        described = AvroFormat(source.schema, confluent=confluent)
    else:
        from streamgmm.events.protobuf import ProtobufFormat

        described = ProtobufFormat(source.schema, source.message, confluent=confluent)
    return BinaryDecoder(config.schema(), described)
