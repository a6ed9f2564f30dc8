"""From bytes to arrays: schema, decode, encode, batch. Knows no model."""

from streamgmm.events.batch import Batch, BatchDecoder
from streamgmm.events.cells import CsvDecoder
from streamgmm.events.clock import EventClock
from streamgmm.events.decode import JsonDecoder
from streamgmm.events.encode import TRANSFORMS, Encoder
from streamgmm.events.faults import REASONS
from streamgmm.events.field import Field
from streamgmm.events.records import DeadLetter, Record, Records
from streamgmm.events.schema import Schema

__all__ = [
    "REASONS",
    "TRANSFORMS",
    "Batch",
    "BatchDecoder",
    "CsvDecoder",
    "DeadLetter",
    "Encoder",
    "EventClock",
    "Field",
    "JsonDecoder",
    "Record",
    "Records",
    "Schema",
]
