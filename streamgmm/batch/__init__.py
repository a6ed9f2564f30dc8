"""Estimators over data at hand, by scikit-learn's conventions: fit, predict, score.

The mathematics is `streamgmm.mixture`'s. scikit-learn (extra ``sklearn``) is imported in
`conventions` alone.
"""

from __future__ import annotations

from streamgmm.batch.gaussian_mixture import GaussianMixture
from streamgmm.batch.outliers import GMMOutlierDetector
from streamgmm.batch.selection import Selection, select_components

__all__ = ["GMMOutlierDetector", "GaussianMixture", "Selection", "select_components"]
