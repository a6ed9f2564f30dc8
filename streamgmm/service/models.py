"""The models at work: one for each partition, or one for a topic, with their checkpoints.

A *shard* is a model with the partitions that feed it. Each partition has a position (of the next
event it will see) and a position from which its outputs are due: events before that one are
already out and are only learned again, silently, to bring a restored model up to date.
"""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streamgmm.detection import Detector
from streamgmm.errors import StateError
from streamgmm.service.checkpoint import Checkpoint, require_same_configuration
from streamgmm.service.pipeline import Outputs, Pipeline
from streamgmm.service.settings import detector_settings, shaping_configuration
from streamgmm.service.status import ModelStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from streamgmm.config import Config
    from streamgmm.events import BatchDecoder, Record
    from streamgmm.service.checkpoint import DirectoryStore
    from streamgmm.service.metrics import Metrics

__all__ = ["Models", "Start"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a partition may begin.

    Attributes
    ----------
    due
        Position from which outputs are due, None if nothing was ever put out.
    first, end
        Positions of the oldest event there is, and one past the newest (None: not known).
    fallback
        Where to begin if `due` is None and no checkpoint is there.
    """

    due: int | None
    first: int
    end: int | None
    fallback: int

    @property
    def latest(self) -> float:
        """The furthest position that a checkpoint may have."""
        if self.due is not None:
            return self.due
        return math.inf if self.end is None else self.end


@dataclass(slots=True)
class _Shard:
    """A model, the partitions that feed it and where each of them is."""

    name: str
    detector: Detector
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    due: dict[str, int] = field(default_factory=dict)
    mark: dict[str, Any] = field(default_factory=dict)
    changed: bool = False
    saved: bool = False

    @property
    def relearning(self) -> bool:
        return any(self.positions[name] < self.due[name] for name in self.positions)


class Models:
    """All models of one worker.

    Parameters
    ----------
    config
        The job.
    store
        Where checkpoints are kept, or None.
    metrics
        Passed on to the pipelines.
    decoder
        Makes the decoder of a partition from its name.
    want_scores
        Whether every event's score is to be written.
    """

    def __init__(
        self,
        config: Config,
        *,
        store: DirectoryStore | None,
        metrics: Metrics,
        decoder: Callable[[str], BatchDecoder],
        want_scores: bool,
    ) -> None:
        self._settings = detector_settings(config)
        self._fingerprint = config.fingerprint()
        self._configuration = shaping_configuration(config)
        self._width = config.schema().width
        self._store = store
        self._metrics = metrics
        self._decoder = decoder
        self._want_scores = want_scores
        self._shards: dict[str, _Shard] = {}
        self._shard_of: dict[str, _Shard] = {}
        self._parked: dict[str, _Shard] = {}

    def open(self, shard_name: str, starts: Mapping[str, Start]) -> dict[str, int]:
        """Make a model ready for its partitions and say where each is to begin.

        The state comes from memory if these partitions were here before and nothing happened
        to them since; else from the newest checkpoint not beyond any partition's due position;
        else the model starts empty.

        Raises
        ------
        StateError
            If no checkpoint can be read, or it belongs to another configuration.
        """
        starts = {name: _within_bounds(name, start) for name, start in starts.items()}
        shard = self._unpark(shard_name, starts) or self._restore(shard_name, starts)
        if shard is None:
            shard = _Shard(shard_name, Detector(self._width, self._settings))
            self._warn_of_a_lost_past(starts)
        for name, start in starts.items():
            self._add_partition(shard, name, start)
        self._shards[shard_name] = shard
        self._parked.pop(shard_name, None)
        return {name: shard.positions[name] for name in starts}

    def process(self, partition: str, records: Sequence[Record]) -> Outputs | None:
        """Score and learn records of a partition; None if all of them were out already."""
        shard = self._shard_of[partition]
        pipeline, due = shard.pipelines[partition], shard.due[partition]
        old = next((i for i, record in enumerate(records) if record.position >= due), len(records))
        if old:
            pipeline.relearn(records[:old])
        outputs = None
        if old < len(records):
            began = time.perf_counter()
            outputs = pipeline.process(records[old:])
            self._metrics.batch_duration.observe(time.perf_counter() - began)
        shard.positions[partition] = records[-1].position + 1
        shard.changed = True
        return outputs

    def pass_over(self, partition: str, position: int) -> None:
        """Note that there are no events before `position` (markers, what compaction took)."""
        shard = self._shard_of[partition]
        shard.positions[partition] = max(shard.positions[partition], position)

    def mark(self, partition: str) -> dict[str, Any]:
        """Give what the source keeps with the model's checkpoints; to be changed in place."""
        return self._shard_of[partition].mark

    def restart(self, partition: str) -> None:
        """Keep the model but take the partition from its beginning: it is another source now."""
        shard = self._shard_of[partition]
        shard.positions[partition] = shard.due[partition] = 0

    def positions(self) -> dict[str, int]:
        """Give, for every partition that is up to date, the position of its next event."""
        return {
            name: shard.positions[name]
            for name, shard in self._shard_of.items()
            if shard.positions[name] >= shard.due[name]
        }

    def checkpoint(self, shard_names: Collection[str] | None = None) -> None:
        """Write a checkpoint of each model that has changed since its last one.

        Where that fails (a full disk, say) the service goes on, and says so.
        """
        if self._store is None:
            return
        for name, shard in self._shards.items():
            if shard.changed and (shard_names is None or name in shard_names):
                self._write(self._store, shard)

    def checkpoint_new(self) -> None:
        """Write the first checkpoint of each model that has learned something and has none.

        To be called after a commit: from there on a restart without one would begin empty. It
        is tried once; after a failure the next regular checkpoint is the first.
        """
        new = {name for name, shard in self._shards.items() if shard.changed and not shard.saved}
        if new:
            self.checkpoint(new)
            for name in new:
                self._shards[name].saved = True

    def close(self, partitions: Collection[str], *, park: bool) -> None:
        """Let go of partitions; `park` keeps their models at hand in case they come back."""
        self._parked.clear()
        for partition in partitions:
            shard = self._shard_of.pop(partition, None)
            if shard is None:
                continue
            self._metrics.forget_partition(partition)
            if self._shards.pop(shard.name, None) is not None:
                self._metrics.forget_partition(shard.name)
            if park:
                self._parked[shard.name] = shard

    def forget_parked(self) -> None:
        """Let go of the models whose partitions have not come back."""
        self._parked.clear()

    def shard_names(self, partitions: Collection[str]) -> set[str]:
        """Name the models that these partitions feed."""
        return {self._shard_of[name].name for name in partitions if name in self._shard_of}

    def show(self) -> dict[str, ModelStatus]:
        """Bring the metrics up to date and give the state of every model."""
        shown = {}
        for name, shard in self._shards.items():
            detector = shard.detector
            self._metrics.observe_model(
                name,
                threshold=detector.threshold,
                weights=detector.weights,
                drift=detector.drift,
                seen=detector.n_seen,
                ready=detector.ready,
            )
            shown[name] = ModelStatus(
                ready=detector.ready,
                seen=detector.n_seen,
                needed=detector.warmup,
                relearning=shard.relearning,
            )
        return shown

    def _unpark(self, shard_name: str, starts: Mapping[str, Start]) -> _Shard | None:
        shard = self._parked.get(shard_name)
        if shard is None or any(
            shard.positions.get(name, start.due) != start.due for name, start in starts.items()
        ):
            return None
        for name in set(shard.pipelines) - set(starts):
            del shard.pipelines[name], shard.positions[name], shard.due[name]
        return shard

    def _restore(self, shard_name: str, starts: Mapping[str, Start]) -> _Shard | None:
        if self._store is None:
            return None

        def usable(checkpoint: Checkpoint) -> bool:
            return all(
                checkpoint.positions.get(name, 0) <= start.latest for name, start in starts.items()
            )

        checkpoint = self._store.load(shard_name, usable)
        if checkpoint is None:
            return None
        require_same_configuration(
            checkpoint,
            self._fingerprint,
            self._configuration,
            f"remove {self._store.directory} (or name another directory as service.checkpoint) "
            "to let the model learn afresh",
        )
        try:
            # The fingerprint covers all settings but the budget, and that one may change.
            state = {**checkpoint.state["detector"], "settings": self._settings.state()}
            detector = Detector.from_state(state)
        except (KeyError, TypeError, ValueError) as error:
            raise StateError(
                f"the checkpoint of {shard_name} is not understood: {error}; remove "
                f"{self._store.directory} to let the model learn afresh"
            ) from error
        shard = _Shard(shard_name, detector, saved=True)
        for name, position in checkpoint.positions.items():
            if name in starts:
                shard.pipelines[name] = self._pipeline(name, detector)
                shard.pipelines[name].restore(checkpoint.state["partitions"][name])
                shard.positions[name] = position
        shard.mark = dict(checkpoint.state["mark"])
        _log.info("%s: model restored, %d events seen", shard_name, detector.n_seen)
        return shard

    def _warn_of_a_lost_past(self, starts: Mapping[str, Start]) -> None:
        """Say so where others than an empty model have been at work."""
        if self._store is None:
            return
        for name, start in starts.items():
            if start.due is not None and start.due > start.first:
                _log.warning(
                    "%s: the group has committed %s but %s has no checkpoint of it that can be "
                    "used: the model begins empty",
                    name,
                    f"{start.due:,}",
                    self._store.directory,
                )

    def _add_partition(self, shard: _Shard, name: str, start: Start) -> None:
        if name not in shard.pipelines:
            shard.pipelines[name] = self._pipeline(name, shard.detector)
            shard.positions[name] = start.fallback if start.due is None else start.due
        if shard.positions[name] < start.first:
            _log.warning(
                "%s: events %d to %d, which the model has not seen, are gone from the source",
                name,
                shard.positions[name],
                start.first - 1,
            )
            shard.positions[name] = start.first
        shard.due[name] = shard.positions[name] if start.due is None else start.due
        behind = shard.due[name] - shard.positions[name]
        if behind > 0:
            _log.info("%s: learning up to %d events again, silently", name, behind)
        self._shard_of[name] = shard

    def _pipeline(self, name: str, detector: Detector) -> Pipeline:
        return Pipeline(self._decoder(name), detector, self._metrics, want_scores=self._want_scores)

    def _write(self, store: DirectoryStore, shard: _Shard) -> None:
        began = time.perf_counter()
        checkpoint = Checkpoint(
            name=shard.name,
            positions=dict(shard.positions),
            state={
                "detector": shard.detector.state(),
                "partitions": {name: one.state() for name, one in shard.pipelines.items()},
                "mark": shard.mark,
            },
            fingerprint=self._fingerprint,
            configuration=self._configuration,
        )
        try:
            size = store.write(checkpoint)
        except OSError as error:
            self._metrics.checkpoint_failures.inc()
            _log.error(
                "the checkpoint of %s could not be written to %s (%s); the service goes on, and "
                "after a crash would go back to the one before",
                shard.name,
                store.directory,
                error.strerror or error,
            )
            return
        shard.changed = False
        self._metrics.checkpoint_written(shard.name, size, time.perf_counter() - began)


def _within_bounds(name: str, start: Start) -> Start:
    """Correct a due position that lies outside what the source holds."""
    due = start.due
    if due is not None and due < start.first:
        _log.error(
            "%s: events %d to %d are gone from the source unread (retention); going on with %d",
            name,
            due,
            start.first - 1,
            start.first,
        )
        due = start.first
    if due is not None and start.end is not None and due > start.end:
        _log.warning(
            "%s: position %d lies beyond the source's end %d (was it made anew?); beginning at %d",
            name,
            due,
            start.end,
            start.first,
        )
        due = start.first
    return Start(due=due, first=start.first, end=start.end, fallback=start.fallback)
