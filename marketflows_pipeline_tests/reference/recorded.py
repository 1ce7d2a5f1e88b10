"""A market in which some coins have the caps that CoinGecko served in a quarter of 2026.

Data provided by CoinGecko (https://www.coingecko.com): ``market_caps.parquet`` holds the caps of 17 coins at each
midnight from 4 December 2025 to 4 March 2026 and once later on. Tests that compare two programs alone read it.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from marketflows_pipeline_tests.fakes.market import Cap, Market, to_ms
from marketflows_pipeline_tests.fakes.price_paths import Floats, Ints

RECORD = Path(__file__).with_name("market_caps.parquet")


class RecordedMarket(Market):
    """A market of ours; coins that were recorded have their recorded caps, moved in time so that they end at a moment.

    Args:
        market: all other figures.
        end: the moment.
    """

    def __init__(self, market: Market, *, end: datetime) -> None:
        super().__init__(market.coins, market.categories)
        rows = pl.read_parquet(RECORD).sort("coin_id", "ts").with_columns(pl.col("ts").dt.epoch("ms"))
        late = to_ms(end) - int(rows["ts"].to_numpy().max())
        self._records: dict[str, tuple[Floats, Floats]] = {
            str(coin): (own["ts"].to_numpy() + late, own["market_cap_usd"].to_numpy())
            for (coin,), own in rows.group_by("coin_id")
        }

    def figures(self, at: Ints, ts_ms: Ints) -> tuple[list[float], list[Cap], list[float]]:
        """Prices and volumes as they are made up, and caps as recorded, linear in time between records."""
        prices, caps, volumes = super().figures(at, ts_ms)
        for place, (position, moment) in enumerate(zip(at.tolist(), ts_ms.tolist(), strict=True)):
            record = self._records.get(self.coins[position].id)
            if record is not None:
                caps[place] = float(np.interp(moment, *record))
        return prices, caps, volumes
