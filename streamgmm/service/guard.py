"""Processing events so that none of them ends the worker.

Where an event raises, whatever that is, its block is undone and taken in halves until the event is
found. At the third time it is set aside: a dead letter, and its neighbours' outputs are, bit for
bit, those of a stream in which it was one from the start. An event of which the process dies
without a word is found by `suspects`, over several lives.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from streamgmm.errors import EventError
from streamgmm.service.suspects import TRIES
from streamgmm.service.undo import Undo

if TYPE_CHECKING:
    from streamgmm.events import Records
    from streamgmm.service.pipeline import Outputs, Pipeline
    from streamgmm.service.shards import Shard
    from streamgmm.service.suspects import Suspects

__all__ = ["Guard"]

_MOST_SHOWN: Final = 200  # characters of an error's text in a dead letter
_log = logging.getLogger(__name__)


class Guard:
    """Takes records through the pipelines of one model.

    Parameters
    ----------
    shard
        The model.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._undo = Undo(shard)
        self._told: set[type[Exception]] = set()

    def run(self, partition: str, records: Records, *, silently: bool = False) -> list[Outputs]:
        """Score and learn records of a partition, and say what came of them, in order.

        Silently: without the scores in writing, and what crashes is told to the log alone.
        """
        pipeline, suspects = self._shard.pipelines[partition], self._shard.suspects[partition]
        outputs: list[Outputs] = []
        for piece in suspects.pieces(records):
            with suspects.working(piece):
                self._undo.prepare()
                try:
                    outputs.append(self._try(pipeline, suspects, piece, silently=silently))
                except Exception as error:  # noqa: BLE001 - any: it is found out whose it is
                    self._tell(partition, error)
                    self._undo.back()
                    self._undo.renew()
                    outputs += self._apart(pipeline, suspects, piece, silently=silently)
        return outputs

    def changed(self) -> None:
        """Note that the model was changed by something else than events."""
        self._undo.forget()

    def _try(
        self, pipeline: Pipeline, suspects: Suspects, records: Records, *, silently: bool
    ) -> Outputs:
        aside = suspects.aside(records)
        outputs = pipeline.run(records, aside, silently=silently)
        self._undo.note(pipeline.name, records, aside, outputs.size)
        return outputs

    def _apart(
        self, pipeline: Pipeline, suspects: Suspects, records: Records, *, silently: bool
    ) -> list[Outputs]:
        """Process a block of which some event raises, in parts; the state is that before it."""
        if len(records) == 1:
            return [self._alone(pipeline, suspects, records, silently=silently)]
        outputs: list[Outputs] = []
        middle = len(records) // 2
        for half in (records[:middle], records[middle:]):
            try:
                outputs.append(self._try(pipeline, suspects, half, silently=silently))
            except Exception:  # noqa: BLE001 - told before; here it is looked for
                self._undo.back()
                outputs += self._apart(pipeline, suspects, half, silently=silently)
        return outputs

    def _alone(
        self, pipeline: Pipeline, suspects: Suspects, record: Records, *, silently: bool
    ) -> Outputs:
        """Process an event that has raised before; set it aside if it goes on to."""
        fault = EventError("crashed", "")
        for _ in range(TRIES - 1):
            try:
                return self._try(pipeline, suspects, record, silently=silently)
            except Exception as error:  # noqa: BLE001 - this event's, as it is alone
                self._undo.back()
                text = f"{type(error).__name__}: {error}"[:_MOST_SHOWN]
                fault = EventError("crashed", f"the worker crashed {TRIES} times over it ({text})")
        suspects.set_aside(record[0], fault)
        return self._try(pipeline, suspects, record, silently=silently)

    def _tell(self, partition: str, error: Exception) -> None:
        """Log an error with all that is known, the first of its kind."""
        if type(error) in self._told:
            _log.error("%s: an event raised %s again", partition, type(error).__name__)
            return
        self._told.add(type(error))
        _log.error(
            "%s: an event raised an error, which is a fault of this program: please report it. "
            "The event is looked for, and set aside",
            partition,
            exc_info=error,
        )
