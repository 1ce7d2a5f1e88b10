"""Filling what is missing and scaling, learned from the rows of one training.

Learned inside each fold, so that nothing of a test is in a median or a deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketflows_pipeline.models.dataset import Floats, Positions

# A gap at the beginning of a history says nothing, so it gets no column.
INDICATOR_SHARE = 0.01


@dataclass(frozen=True)
class Preparation:
    """What was learned from training rows.

    Medians are 0 where a column has no figure at all. Each of the ``incomplete`` columns, with figures missing in 1 %
    of rows or more, gets a column of its own that says so. Mean and deviation are after imputing and include these; the
    deviation is 1 where a column never changes.
    """

    medians: Floats
    incomplete: Positions
    mean: Floats
    deviation: Floats

    @classmethod
    def fit(cls, x: Floats) -> tuple[Preparation, Floats]:
        """Learn from rows of floats, NaN where missing; what was learned, and these rows with it applied."""
        medians = np.array([_median(column) for column in x.T], dtype=np.float64)
        incomplete = np.flatnonzero(np.isnan(x).mean(axis=0) >= INDICATOR_SHARE)
        full = _filled(x, medians, incomplete)
        mean = full.mean(axis=0)
        full -= mean
        deviation = np.sqrt(np.einsum("ij,ij->j", full, full) / len(full))
        deviation = np.where(deviation > 0, deviation, 1.0)
        full /= deviation
        return cls(medians, incomplete, mean, deviation), full

    def apply(self, x: Floats) -> Floats:
        """Rows without a gap, each column with mean 0 and deviation 1 over the training rows."""
        full = _filled(x, self.medians, self.incomplete)
        full -= self.mean
        full /= self.deviation
        return full


def _median(column: Floats) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


def _filled(x: Floats, medians: Floats, incomplete: Positions) -> Floats:
    is_missing = np.isnan(x)
    full = np.empty((len(x), x.shape[1] + len(incomplete)))
    full[:, : x.shape[1]] = x
    np.copyto(full[:, : x.shape[1]], medians, where=is_missing)
    full[:, x.shape[1] :] = is_missing[:, incomplete]
    return full
