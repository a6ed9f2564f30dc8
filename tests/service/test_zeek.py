"""The preset for Zeek: conn.log as Zeek writes it, and as shippers nest it."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import numpy as np

from streamgmm.config import Config, load_preset
from tests.replays import alerts, replayed, scores
from tests.zeek import connections, nested

ZEEK_JSON = (
    b'{"ts":1591367999.305988,"uid":"CMdzit1AMNsmfAIiQc","id.orig_h":"192.168.4.76",'
    b'"id.orig_p":36844,"id.resp_h":"192.168.4.1","id.resp_p":53,"proto":"udp","service":"dns",'
    b'"duration":0.066851,"orig_bytes":62,"resp_bytes":141,"conn_state":"SF","missed_bytes":0,'
    b'"history":"Dd","orig_pkts":2,"orig_ip_bytes":118,"resp_pkts":2,"resp_ip_bytes":197}'
)


@cache
def preset() -> Config:
    return load_preset("zeek", env={}, changes={"events": {"label": "label"}})


@cache
def sample() -> tuple[dict[str, Any], ...]:
    return tuple(connections(12_000, seed=5, attack_share=0.02))


def test_every_field_of_a_record_is_read() -> None:
    _, (outputs,) = replayed(preset(), [msgspec.json.decode(ZEEK_JSON)])
    batch = outputs.batch
    assert not outputs.dead_letters
    assert batch.keys == ["192.168.4.76"]
    assert batch.time.tolist() == [1591367999.305988]
    values = dict(zip(preset().schema().names, batch.X[0], strict=True))
    assert values["duration"] == np.log1p(0.066851)
    assert values["orig_bytes"] == np.log1p(62)
    assert not np.isnan(batch.X).any()


def test_what_zeek_leaves_out_is_missing_and_no_fault() -> None:
    unanswered = next(one for one in sample() if "duration" not in one)
    _, (outputs,) = replayed(preset(), [unanswered])
    assert not outputs.dead_letters
    names = np.array(preset().schema().names)
    assert set(names[np.isnan(outputs.batch.X[0])]) == {"duration", "orig_bytes", "resp_bytes"}


def test_attacks_score_above_ordinary_connections() -> None:
    found, blocks = replayed(preset(), list(sample()))
    assert not found.dead_letters
    assert found.rankings.positives > 50
    assert found.rankings.roc_auc() > 0.95
    assert alerts(blocks)
    assert all(alert["event"] and alert["reasons"] for alert in alerts(blocks))


def test_records_in_objects_score_as_zeeks_own() -> None:
    some = list(sample()[:3000])
    _, flat = replayed(preset(), some)
    _, deep = replayed(preset(), list(map(nested, some)))
    assert np.array_equal(scores(flat), scores(deep))
    assert [block.batch.keys for block in flat] == [block.batch.keys for block in deep]
