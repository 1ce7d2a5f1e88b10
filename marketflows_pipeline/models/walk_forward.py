"""Which sessions train and which test: forward in time, by date, with a gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from marketflows_pipeline.errors import TooLittleDataError

Dates = NDArray[np.datetime64]


@dataclass(frozen=True)
class WalkForward:
    """A purged, expanding walk-forward over sessions.

    Attributes:
        horizon: how many sessions ahead a label looks; so many are left out before each test block, because their
            labels reach into it.
        min_train: fewest sessions to train on.
        refit_every: length of a test block, after which the model is fitted anew.
        embargo: further sessions left out before each test block. Where all training precedes the test, as here,
            purging alone keeps labels apart; an embargo is needed where training can also follow the test, because its
            features look back into it. Here it is a margin, for whatever outlasts a label, such as volatility.
    """

    horizon: int
    min_train: int = 750
    refit_every: int = 63
    embargo: int = 5

    @property
    def gap(self) -> int:
        """Sessions between the last of training and the first of the test."""
        return self.horizon + self.embargo

    def count(self, sessions: int) -> int:
        """How many test blocks so many sessions give."""
        return max(0, -(-(sessions - self.min_train - self.gap) // self.refit_every))

    def splits(self, sessions: Sequence[date] | Dates) -> Iterator[tuple[Dates, Dates]]:
        """Training and test sessions, block after block; every session after the first training is tested once.

        Args:
            sessions: dates in any order; a panel's column will do, since dates that repeat count once. (A splitter that
                counts rows would leave out horizon / assets sessions instead.)

        Raises:
            TooLittleDataError: if there is not one block.
        """
        dates: Dates = np.unique(np.asarray(sessions, dtype="datetime64[D]"))
        first = self.min_train + self.gap
        if len(dates) <= first:
            raise TooLittleDataError(
                f"A walk-forward {self.horizon} sessions ahead needs more than {first} labelled sessions; "
                f"there are {len(dates)}. Fetch a longer history or lower the fewest sessions to train on."
            )
        for start in range(first, len(dates), self.refit_every):
            yield dates[: start - self.gap], dates[start : start + self.refit_every]
