"""Zeek's conn.log in JSON, made of generated network flows."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np

from streamgmm.io.generate import flows

SERVICES = {443: "ssl", 53: "dns", 993: "ssl", 22: "ssh", 5432: "postgresql", 9100: "http"}
_SYN, _HEADERS = 60, 40  # bytes: of a packet that asks for a connection, of headers in each


def connections(count: int, *, seed: int, **attacks: Any) -> list[dict[str, Any]]:
    """Return records of conn.log in the order that Zeek writes them: as connections end.

    Beside Zeek's members each has ``label``, 1 for an attack, and ``kind``; `attacks` is handed on
    to `flows`.
    """
    rng = np.random.default_rng(seed)
    made = [_connection(flow, rng) for flow in islice(flows(seed=seed, **attacks), count)]
    return sorted(made, key=lambda one: one["ts"] + one.get("duration", 0.0))


def nested(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as some shippers make it: ``id.orig_h`` as ``{"id": {"orig_h": ...}}``."""
    rest = {name: value for name, value in record.items() if not name.startswith("id.")}
    inside = {name[3:]: value for name, value in record.items() if name.startswith("id.")}
    return {**rest, "id": inside}


def _connection(flow: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    tcp, answered, asked_only = flow["proto"] == "tcp", flow["bytes_in"] > 0, flow["kind"] == "scan"
    if asked_only:
        state, history = ("REJ", "Sr") if answered else ("S0", "S")
    elif not answered:
        state, history = "S0", "D"
    elif not tcp:
        state, history = "SF", "Dd"
    elif flow["label"] == 0 and rng.random() < 0.06:
        state, history = ("RSTO", "ShADadR") if rng.random() < 0.7 else ("S1", "ShADad")
    else:
        state, history = "SF", "ShADadfF"
    orig_pkts, resp_pkts = max(flow["packets_out"], 1), flow["packets_in"]
    sizes = [0, 0] if asked_only else [flow["bytes_out"], flow["bytes_in"]]
    record: dict[str, Any] = {
        "ts": flow["ts"],
        "uid": f"C{rng.integers(36**10):017d}",
        "id.orig_h": flow["src"],
        "id.orig_p": int(rng.integers(32_768, 61_000)),
        "id.resp_h": flow["dst"],
        "id.resp_p": flow["dport"],
        "proto": flow["proto"],
        "conn_state": state,
        "local_orig": flow["src"].startswith("10."),
        "local_resp": flow["dst"].startswith("10."),
        "missed_bytes": 0,
        "history": history,
        "orig_pkts": orig_pkts,
        "orig_ip_bytes": sizes[0] + orig_pkts * (_SYN if asked_only else _HEADERS),
        "resp_pkts": resp_pkts,
        "resp_ip_bytes": sizes[1] + resp_pkts * _HEADERS,
        "ip_proto": 6 if tcp else 17,
        "label": flow["label"],
        "kind": flow["kind"],
    }
    # What was asked once and not answered has no length, in time or in bytes.
    if state != "S0" or orig_pkts > 1:
        record |= {"duration": flow["duration"], "orig_bytes": sizes[0], "resp_bytes": sizes[1]}
    if state not in ("S0", "REJ") and flow["dport"] in SERVICES:
        record["service"] = SERVICES[flow["dport"]]
    return record
