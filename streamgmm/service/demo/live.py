"""The live demonstration: flows without an end, with an attack now and then and on request.

It begins six minutes ago: those are worked off at first, so that the page has something to show.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from streamgmm.events import Record, Records
from streamgmm.service.demo.attacks import ATTACKS
from streamgmm.service.demo.stage import Stage
from streamgmm.service.demo.traffic import Traffic

if TYPE_CHECKING:
    from rich.console import Console

    from streamgmm.service.stop import Stop

__all__ = ["MOST_RATE", "RATE", "LiveDemo"]

RATE: Final = 200.0
"""Flows a second."""
MOST_RATE: Final = 20_000.0
"""Flows a second at the most: those of a second are made in one piece."""

_ORIGIN: Final = "flows"
_JOB: Final = """
[source]
type = "file"
path = "-"

[events]
key = "src"
time = "ts"
label = "label"

[events.fields]
duration = { transform = "log1p", unit = "s" }
bytes_out = { transform = "log1p", unit = "B" }
bytes_in = { transform = "log1p", unit = "B" }
packets_out = "log1p"
packets_in = "log1p"
dport = "surprise"

[model]
established = 0.03

[alerts]
budget = 1e-3
"""
_PAST_SECONDS: Final = 360.0
_STEP_SECONDS: Final = 0.1
_CALM_SECONDS: Final = (90.0, 240.0)  # between two attacks that nobody asked for
_REPEATED_SECONDS: Final = 60.0
_FIRST_SECONDS: Final = 3.0
_OF_ITSELF: Final = ("burst", "slow")


class LiveDemo:
    """Shows the detector at work on generated flows until it is stopped.

    Parameters
    ----------
    console
        Where to show it.
    stop
        Ends it.
    rate
        Flows a second.
    attack
        The kind of attack to be seen soon, and every minute from then on; None: now and then any.
    seed
        Of flows and attacks.
    """

    def __init__(
        self, console: Console, stop: Stop, *, rate: float, attack: str | None, seed: int = 1
    ) -> None:
        self._console = console
        self._stop = stop
        self._attack = attack
        self._rng = np.random.default_rng(seed)
        self._now = time.time() - _PAST_SECONDS
        self._traffic = Traffic(rate=rate, begin=self._now, seed=seed)
        self._encoder = msgspec.json.Encoder()
        self._position = 0
        self._ready = self._alerts = self._attacks = self._found = 0

    def run(self) -> None:
        """Run until stopped, and sum up."""
        # By the time of the flows, which is the machine's once the past is worked off.
        stage = Stage(self._console, _JOB, origin=_ORIGIN, columns=None, clock=lambda: self._now)
        attacks = {kind: partial(self._traffic.ask, kind) for kind in ATTACKS}
        with ExitStack() as stack:
            server = stage.serve(attacks)
            stack.callback(stage.close)
            stage.introduce(
                server.url,
                "Generated network flows pass by, with an attack now and then; the page has "
                "buttons to\ncause some. Ctrl-C ends it.",
            )
            stage.begin()
            self._work_off_the_past(stage)
            stack.enter_context(server)  # now, so that attacks come when they are asked for
            self._go_on(stage)
            stage.conclude(self._summary())

    def _work_off_the_past(self, stage: Stage) -> None:
        asked = False
        while (present := time.time()) - self._now > 1.0 and not self._stop.is_set():
            self._now += 1.0
            if not asked and present - self._now < 0.3 * _PAST_SECONDS:
                self._traffic.ask(_OF_ITSELF[0])
                asked = True
            self._process(stage)
            stage.show_model()

    def _go_on(self, stage: Stage) -> None:
        attack_at = self._now + self._pause(first=True)
        while not self._stop.wait(_STEP_SECONDS):
            self._now = max(self._now, time.time())
            if self._now >= attack_at:
                self._traffic.ask(self._attack or str(self._rng.choice(_OF_ITSELF)))
                attack_at = self._now + self._pause(first=False)
            self._process(stage)

    def _pause(self, *, first: bool) -> float:
        if self._attack is None:
            return float(self._rng.uniform(*_CALM_SECONDS))
        return _FIRST_SECONDS if first else _REPEATED_SECONDS

    def _process(self, stage: Stage) -> None:
        flows = self._traffic.until(self._now)
        if not flows:
            stage.obey()
            return
        first = self._position
        self._position += len(flows)
        encode = self._encoder.encode
        records = Records.of(Record(encode(flow), first + i) for i, flow in enumerate(flows))
        outputs = stage.pipeline.process(records)
        verdicts, labels = outputs.verdicts, outputs.batch.labels
        assert labels is not None
        self._ready += int(verdicts.ready.sum())
        self._alerts += len(outputs.alerts)
        self._attacks += int((labels > 0).sum())
        self._found += int((verdicts.is_anomaly & (labels > 0)).sum())
        stage.see(outputs)

    def _summary(self) -> list[tuple[str, str]]:
        return [
            ("events", f"{self._position:,}"),
            ("alerts", f"{self._alerts:,} of {self._ready:,} events after warm-up"),
            ("found", f"{self._found:,} of {self._attacks:,} flows of attacks"),
        ]
