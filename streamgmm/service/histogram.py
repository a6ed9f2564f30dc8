"""A Prometheus histogram that takes whole arrays: a batch costs one call, not one per event."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike
    from prometheus_client.core import Metric
    from prometheus_client.registry import CollectorRegistry

__all__ = ["ArrayHistogram"]


class ArrayHistogram(Collector):
    """Counts values into fixed buckets.

    Parameters
    ----------
    name, documentation
        As Prometheus shows them; the name ends in the unit.
    buckets
        Upper bounds, inclusive, rising; the last bucket (+Inf) is added.
    registry
        Where the histogram registers itself.
    """

    def __init__(
        self,
        name: str,
        documentation: str,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = np.asarray(buckets, dtype=np.float64)
        self._counts = np.zeros(len(buckets) + 1, dtype=np.int64)
        self._sum = 0.0
        self._lock = Lock()
        registry.register(self)

    def observe(self, values: ArrayLike) -> None:
        """Count one value or an array of them; NaN is not a value and is left out."""
        array = np.atleast_1d(np.asarray(values, dtype=np.float64))
        array = array[~np.isnan(array)]
        places = np.searchsorted(self._bounds, array, side="left")
        counts = np.bincount(places, minlength=len(self._counts))
        with self._lock:
            self._counts += counts
            self._sum += float(array.sum())

    def describe(self) -> Iterable[Metric]:
        """Name the metric without its values, as the registry asks at registration."""
        yield HistogramMetricFamily(self._name, self._documentation)

    def collect(self) -> Iterable[Metric]:
        """Give the cumulative counts, as the registry asks at every scrape."""
        with self._lock:
            cumulative = np.cumsum(self._counts)
            total = self._sum
        bounds = [f"{bound:g}" for bound in self._bounds] + ["+Inf"]
        yield HistogramMetricFamily(
            self._name,
            self._documentation,
            buckets=list(zip(bounds, cumulative.tolist(), strict=True)),
            sum_value=total,
        )
