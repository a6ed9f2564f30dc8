"""From a model to its checkpoint and back: what may be restored, and what it takes."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from streamgmm.detection import Detector
from streamgmm.errors import StateError
from streamgmm.mixture import NUMERICS, numerics_of
from streamgmm.service.checkpoint import Checkpoint
from streamgmm.service.terms import Terms, terms_of
from streamgmm.service.tracing import NOT_TRACED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from streamgmm.config import Config
    from streamgmm.service.checkpoint import CheckpointStore
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.shards import Shard, Start
    from streamgmm.service.tracing import Step, Tracer

__all__ = ["Keeper"]

_log = logging.getLogger(__name__)


class Keeper:
    """Keeps the models of one job.

    Parameters
    ----------
    config
        The job: checkpoints that its models cannot go on from are refused.
    store
        Where they are.
    metrics
        What is told of each one written.
    tracer
        Is told of it too.
    """

    def __init__(
        self,
        config: Config,
        store: CheckpointStore,
        metrics: Metrics,
        tracer: Tracer = NOT_TRACED,
    ) -> None:
        self._tracer = tracer
        self._config = config
        self._store = store
        self._metrics = metrics

    @property
    def transactional(self) -> bool:
        """Whether a checkpoint counts from the next commit on, and not at all if that fails."""
        return self._store.transactional

    def opening(self) -> AbstractContextManager[None]:
        """Within it several models are opened in a row."""
        return self._store.opening()

    def start_over(self) -> None:
        """Forget what was written since the last commit: that was lost."""
        self._store.start_over()

    def find(
        self, shard_name: str, starts: Mapping[str, Start]
    ) -> tuple[Checkpoint, Detector, Terms] | None:
        """Give the newest checkpoint not beyond where any partition may begin, and its model.

        With them come the terms it was learned under, which may differ from the job's. One that
        this release does not understand is passed over like a damaged one.

        Raises
        ------
        StateError
            If no checkpoint can be read, or its model cannot go on under this configuration.
        """
        found: list[tuple[Detector, Terms]] = []

        def usable(checkpoint: Checkpoint) -> bool:
            found.clear()
            try:
                terms = self._terms_of(checkpoint)
            except StateError:
                pass  # no reason to go back to an older one: if it is the newest, raised below
            else:
                found.append((self._detector(checkpoint), terms))
            return all(
                checkpoint.positions.get(name, 0) <= start.latest for name, start in starts.items()
            )

        checkpoint = self._store.load(shard_name, usable)
        if checkpoint is None:
            return None
        if not found:
            self._terms_of(checkpoint)
        [(detector, terms)] = found
        _tell_of_other_numerics(checkpoint)
        return checkpoint, detector, terms

    def _terms_of(self, checkpoint: Checkpoint) -> Terms:
        """Give the terms of a checkpoint. StateError: they are of another configuration."""
        return terms_of(
            checkpoint,
            self._config,
            "let the model learn afresh: `streamgmm reset` forgets what is in "
            f"{self._store.where}, with another service.checkpoint it stays",
        )

    def _detector(self, checkpoint: Checkpoint) -> Detector:
        """Give the model that a checkpoint holds. StateError: it is not understood."""
        try:
            return Detector.from_state(checkpoint.state["detector"])
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(
                f"the checkpoint of {checkpoint.name} is not understood: {error}; let the "
                f"model learn afresh: `streamgmm reset` forgets what is in {self._store.where}"
            ) from error

    def write(self, shard: Shard) -> None:
        """Write a checkpoint of a model; where that fails, say so and leave it unsaved."""
        with self._tracer.step("checkpoint", model=shard.name) as step:
            self._write(shard, step)

    def _write(self, shard: Shard, step: Step) -> None:
        began = time.perf_counter()
        checkpoint = Checkpoint(
            name=shard.name,
            positions=dict(shard.positions),
            state={**shard.state(), "mark": shard.mark},
            fingerprint=shard.terms.fingerprint,
            configuration=shard.terms.text,
        )
        try:
            size = self._store.write(checkpoint)
        except OSError as error:
            step.fail(error)
            self._metrics.checkpoint_failures.inc()
            _log.error(
                "the checkpoint of %s could not be written to %s (%s); the service goes on, and "
                "after a crash would go back to the one before",
                shard.name,
                self._store.where,
                error.strerror or error,
            )
            return
        shard.changed, shard.saved = False, True
        step.note(bytes=size)
        self._metrics.checkpoint_written(shard.name, size, time.perf_counter() - began)

    def warn_of_a_lost_past(self, starts: Mapping[str, Start]) -> None:
        """Say so where others than an empty model have been at work."""
        for name, start in starts.items():
            if start.due is not None and start.due > start.first:
                _log.warning(
                    "%s: the group has committed %s but %s has no checkpoint of it that can be "
                    "used: the model begins empty",
                    name,
                    f"{start.due:,}",
                    self._store.where,
                )


def _tell_of_other_numerics(checkpoint: Checkpoint) -> None:
    numerics = numerics_of(checkpoint.state["detector"])
    if numerics != NUMERICS:
        _log.warning(
            "%s: the checkpoint is of another build, whose arithmetic has number %d (this one's "
            "has %d): the model goes on from it, but what it learns again and puts out may differ "
            "in the last digits from what that build would have",
            checkpoint.name,
            numerics,
            NUMERICS,
        )
