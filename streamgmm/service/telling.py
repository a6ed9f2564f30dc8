"""Telling the live page what happens; whatever goes wrong there, the work goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from streamgmm.service.page.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streamgmm.detection import Detector
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.pipeline import Outputs

__all__ = ["Telling"]

_What = ParamSpec("_What")
_log = logging.getLogger(__name__)


class Telling:
    """What the work knows of the live page.

    Parameters
    ----------
    recorder
        Of what the page shows; None where there is no page.
    metrics
        Count what could not be told.
    """

    def __init__(self, recorder: Recorder | None, metrics: Metrics) -> None:
        self._recorder = recorder
        self._metrics = metrics
        self._known: set[type[Exception]] = set()

    def take(self, model: str, blocks: Iterable[Outputs], detector: Detector) -> None:
        """Tell what came of blocks of a model's events."""
        for outputs in blocks:
            self._tell(Recorder.take, model, outputs, detector)

    def show(self, models: Mapping[str, Detector]) -> None:
        """Tell how the models stand."""
        self._tell(Recorder.show, models)

    def forget(self, model: str) -> None:
        """Tell that a model has left."""
        self._tell(Recorder.forget, model)

    def start_over(self) -> None:
        """Tell that what came since the last commit is lost, and will come again."""
        self._tell(Recorder.start_over)

    def _tell(
        self,
        call: Callable[Concatenate[Recorder, _What], None],
        *what: _What.args,
        **named: _What.kwargs,
    ) -> None:
        if self._recorder is None:
            return
        try:
            call(self._recorder, *what, **named)
        except Exception as error:  # noqa: BLE001 - any: nobody's alerts may hang on the page
            self._metrics.page_failures.inc()
            known = type(error) in self._known
            self._known.add(type(error))
            _log.error(
                "the live page could not record something (%s), which is a fault of this program: "
                "please report it. Nothing else is affected",
                type(error).__name__,
                exc_info=None if known else error,
            )
