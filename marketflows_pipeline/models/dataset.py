"""Panel and labels as arrays, in order of session, so that a fold is a slice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marketflows_pipeline.models.walk_forward import Dates

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """Rows of one asset and session each, by (session, symbol).

    Attributes:
        sessions: the n sessions that occur, ascending.
        symbols: the assets, in alphabetical order or that of a model.
        features: names of the first columns of ``x``; one more for each asset follows, 1 in its rows.
        session: position of each row's session.
        symbol: position of each row's symbol, -1 where the model does not know it.
        ends: how many sessions had closed when each row's label was known, so that ``label_end < sessions[c]`` is
            ``ends <= c``.
        x: one row each, NaN where missing.
        y: the labels, 0 or 1.
    """

    sessions: Dates
    symbols: tuple[str, ...]
    features: tuple[str, ...]
    session: Positions
    symbol: Positions
    ends: Positions
    x: Floats
    y: Floats

    def columns(self, features: Sequence[str]) -> Positions:
        """Positions in ``x`` of these features and of all assets."""
        wanted = [self.features.index(name) for name in features]
        return np.array([*wanted, *range(len(self.features), self.x.shape[1])], dtype=np.int64)

    def feature(self, name: str) -> Floats:
        """One column of ``x``."""
        return self.x[:, self.features.index(name)]

    def take(self, rows: NDArray[np.bool_] | Positions | slice) -> Dataset:
        """These rows; positions stay those of all sessions."""
        return replace(
            self,
            session=self.session[rows],
            symbol=self.symbol[rows],
            ends=self.ends[rows],
            x=self.x[rows],
            y=self.y[rows],
        )

    def rows_on(self, dates: Dates) -> slice:
        """The rows of consecutive sessions."""
        first, last = np.searchsorted(self.sessions, [dates[0], dates[-1]])
        begin = int(np.searchsorted(self.session, first, side="left"))
        return slice(begin, int(np.searchsorted(self.session, last, side="right")))

    @property
    def sha256(self) -> str:
        """Fingerprint of sessions, symbols, feature names and every figure of ``x``."""
        digest = hashlib.sha256()
        for text in (*self.features, *self.symbols):
            digest.update(text.encode() + b"\0")
        for array in (self.sessions.astype(np.int64), self.session, self.symbol, self.x):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def dataset(panel: pl.DataFrame, labels: pl.DataFrame, *, features: Sequence[str]) -> Dataset:
    """The labelled rows of a panel as arrays.

    The panel has symbol, session and ``features``, which columns follow in this order; labels have symbol, session,
    label_end, label.
    """
    rows = (
        panel.lazy()
        .join(labels.lazy().select("symbol", "session", "label_end", "label"), on=["symbol", "session"])
        .sort("session", "symbol")
        .collect()
    )
    dates = rows.get_column("session").to_numpy().astype("datetime64[D]")
    sessions: Dates = np.unique(dates)
    symbols = tuple(rows.get_column("symbol").unique().sort().to_list())
    symbol, x = matrix(rows, features=features, symbols=symbols)
    ends = np.searchsorted(sessions, rows.get_column("label_end").to_numpy().astype("datetime64[D]"), side="right")
    return Dataset(
        sessions=sessions,
        symbols=symbols,
        features=tuple(features),
        session=np.searchsorted(sessions, dates).astype(np.int64),
        symbol=symbol,
        ends=ends.astype(np.int64),
        x=x,
        y=rows.get_column("label").to_numpy().astype(np.float64),
    )


def matrix(panel: pl.DataFrame, *, features: Sequence[str], symbols: Sequence[str]) -> tuple[Positions, Floats]:
    """Position of each row's symbol, and its features beside one column an asset."""
    place = {name: position for position, name in enumerate(symbols)}
    symbol = np.array([place.get(name, -1) for name in panel.get_column("symbol").to_list()], dtype=np.int64)
    figures = panel.select(pl.col(name).cast(pl.Float64) for name in features).to_numpy()
    is_asset = symbol[:, None] == np.arange(len(symbols))
    return symbol, np.ascontiguousarray(np.hstack([figures, is_asset.astype(np.float64)]))
