"""Outputs of a block with verdicts as a test wants them, over events that were really decoded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.detection.verdicts import Verdicts, severity_of
from streamgmm.events import BatchDecoder, Encoder, Field, Record, Schema
from streamgmm.service.pipeline import Outputs
from streamgmm.service.records import RecordEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

SCHEMA = Schema((Field("load"),), key="host", time="ts", label="label")
# What a key or a kind may be.
EVIL = '</script><script>window.broken = 1</script><img src=x onerror="window.broken = 1">'
START = 1_767_571_200.0  # a midnight, UTC


def outputs(
    events: Sequence[dict[str, Any]],
    *,
    alert: ArrayLike | None = None,
    score: ArrayLike | None = None,
    p_value: ArrayLike | None = None,
    ready: bool = True,
    first: int = 1,
    schema: Schema = SCHEMA,
) -> Outputs:
    """Decode events as lines from `first` on, and give them these verdicts."""
    decoder = BatchDecoder(schema, origin="events.jsonl", max_ahead=1e9)
    lines = [
        Record(json.dumps({"load": 1} | one).encode(), i) for i, one in enumerate(events, first)
    ]
    batch, dead_letters = decoder.decode(lines)
    assert not dead_letters
    n = len(batch)
    p = np.full(n, 0.5) if p_value is None else np.asarray(p_value, dtype=np.float64)
    verdicts = Verdicts(
        score=np.zeros(n) if score is None else np.asarray(score, dtype=np.float64),
        p_value=p,
        severity=severity_of(p),
        is_anomaly=np.zeros(n, dtype=bool) if alert is None else np.asarray(alert, dtype=bool),
        ready=np.full(n, ready),
        unscored=np.zeros(n, dtype=bool),
        component=np.zeros(n, dtype=np.int64),
        incident=np.zeros(n, dtype=np.int64),
    )
    records = RecordEncoder(schema, Encoder(schema), "events.jsonl").alerts(batch, verdicts)
    return Outputs(batch=batch, verdicts=verdicts, alerts=records, dead_letters=dead_letters)
