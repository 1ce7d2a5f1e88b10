"""The packaged market of funds and coins, all made up, as the services that the cross-asset part asks."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl

from marketflows_pipeline.errors import NotFoundError
from marketflows_pipeline.providers.protocols.cross_asset import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    SHARES_SCHEMA,
    VOLATILITY_SCHEMA,
    PriceHistory,
)
from marketflows_pipeline.tutorial.files import PACKAGED, found, shaped

CROSS_ASSET_FOLDER = PACKAGED / "cross_asset"
BARS_SOURCE = "tutorial:bars"
SHARES_SOURCE = "tutorial:shares"
VOLATILITY_SOURCE = "tutorial:volatility"
MEAN_OF_ASSETS, BY_DATE = "mean of assets", "by date"


def cross_asset_credit(folder: Path = CROSS_ASSET_FOLDER) -> str:
    """Where the packaged market comes from, as its file says: that it is made up."""
    return pl.read_parquet_metadata(folder / "bars.parquet")["source"]


def planted_auc(horizon: int, scope: str = MEAN_OF_ASSETS, *, folder: Path = CROSS_ASSET_FOLDER) -> float:
    """The best AUC that any forecast of the close's direction can have, by the law that the market was drawn by.

    Args:
        horizon: sessions ahead, 5 or 20.
        scope: a symbol (0.5 where its own figures tell nothing), the mean of all assets, or ``by date``, the mean over
            dates of the AUC among assets.
        folder: where the market is.

    Raises:
        NotFoundError: the law was not tried for that.
    """
    known = json.loads(pl.read_parquet_metadata(folder / "bars.parquet")["planted_auc"])
    try:
        return float(known[str(horizon)][scope])
    except KeyError:
        raise NotFoundError(
            f"the tutorial has no planted AUC of {scope!r} {horizon} sessions ahead", provider=TutorialMarket.name
        ) from None


class TutorialMarket:
    """A PriceProvider, SharesProvider and VolatilityProvider that answers from the packaged files.

    Coins have prices only: no supply is packaged, so that their flows are unknown (``price_only``).

    Args:
        folder: where ``bars.parquet``, ``actions.parquet``, ``shares.parquet`` and ``volatility.parquet`` are.
        as_first_published: whether shares are those that were published first, before any restatement; who stores that
            answer and then the other one has both vintages.
    """

    name = "tutorial"
    # Those whose funds' shares are packaged; of QQQ none are, and its flow is unknown.
    issuers = ("ssga", "blackrock", "spdr_gold")

    def __init__(self, folder: Path = CROSS_ASSET_FOLDER, *, as_first_published: bool = False) -> None:
        self._bars = _packaged(folder / "bars.parquet", BAR_SCHEMA, BARS_SOURCE)
        self._actions = _packaged(folder / "actions.parquet", ACTION_SCHEMA, BARS_SOURCE)
        self._volatility = _packaged(folder / "volatility.parquet", VOLATILITY_SCHEMA, VOLATILITY_SOURCE)
        schema = pl.Schema({**SHARES_SCHEMA, "vintage": pl.Int32()})
        self._shares = (
            _packaged(folder / "shares.parquet", schema, SHARES_SOURCE)
            .sort("symbol", "session", pl.col("vintage") * (-1 if as_first_published else 1))
            .unique(["symbol", "session"], keep="last", maintain_order=True)
            .with_columns(pl.col("net_assets_usd").fill_null((pl.col("shares") * pl.col("nav_usd")).round(2)))
            .select(SHARES_SCHEMA.names())
        )

    def daily_bars(self, symbol: str, provider_symbol: str, start: date, end: date) -> PriceHistory:
        """Sessions from `start` to `end`, both included, by the symbol of the settings; `provider_symbol` is not used.

        ``as_traded_close_usd`` is left null for who has bars and splits.

        Raises:
            NotFoundError: no bars of that symbol are packaged.
        """
        bars = found(self._bars.filter(symbol=symbol), f"daily bars of {symbol!r}", self.name)
        wanted = pl.col("session").is_between(start, end)
        return PriceHistory(bars=bars.filter(wanted), actions=self._actions.filter(wanted, symbol=symbol))

    def shares_outstanding(self, symbol: str, share_id: str) -> pl.DataFrame:
        """All packaged figures of one fund in SHARES_SCHEMA, by session; `share_id` is not used.

        Net assets are shares times net asset value, but where the file has net assets and no shares.

        Raises:
            NotFoundError: no shares of that symbol are packaged.
        """
        return found(self._shares.filter(symbol=symbol), f"shares outstanding of {symbol!r}", self.name)

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """All packaged closes of VIX or VIX3M in VOLATILITY_SCHEMA, by session.

        Raises:
            NotFoundError: that index is not packaged.
        """
        return found(self._volatility.filter(index_name=index_name), f"volatility index {index_name!r}", self.name)


def _packaged(path: Path, schema: pl.Schema, source: str) -> pl.DataFrame:
    """A packaged file in a schema, by its key."""
    return shaped(pl.read_parquet(path).with_columns(source=pl.lit(source)), schema).sort(schema.names()[:2])
