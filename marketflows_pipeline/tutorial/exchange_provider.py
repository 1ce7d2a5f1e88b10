"""The packaged exchange figures, all made up, as the two services that the exchange part asks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl

from marketflows_pipeline.providers.protocols.exchanges import (
    CEX_SCHEMA,
    CEX_TVL_SCHEMA,
    EXCHANGE_SCHEMA,
    PROTOCOL_SCHEMA,
    TOKEN_BALANCE_SCHEMA,
    TRENDING_SCHEMA,
    VOLUME_CHART_SCHEMA,
    CexOverview,
    ReservesHistory,
)
from marketflows_pipeline.providers.protocols.market_caps import MARKET_SCHEMA
from marketflows_pipeline.tutorial.files import PACKAGED, data_as_of, found, shaped

EXCHANGES_FOLDER = PACKAGED / "exchanges"
CHART_SOURCE = "tutorial:volume_chart"
MARKETS_SOURCE = "tutorial:markets"

_PAGE_SIZE = 250


def exchange_data_credit(folder: Path = EXCHANGES_FOLDER) -> str:
    """Where the packaged exchange figures come from, as their file says: that they are made up."""
    return pl.read_parquet_metadata(folder / "token_balances.parquet")["source"]


class TutorialExchanges:
    """An ExchangeVolumeProvider that answers from the packaged files, as of the tutorial's clock.

    Args:
        folder: where ``exchanges.csv``, ``volume_charts.parquet``, ``trending_coins.csv``, ``bitcoin.csv``,
            ``centralised_exchanges.csv`` and ``category_members.csv`` are.
    """

    name = "coingecko"

    def __init__(self, folder: Path = EXCHANGES_FOLDER) -> None:
        self._exchanges = _read_csv(folder / "exchanges.csv", EXCHANGE_SCHEMA)
        charts = pl.read_parquet(folder / "volume_charts.parquet").with_columns(source=pl.lit(CHART_SOURCE))
        self._charts = shaped(charts, VOLUME_CHART_SCHEMA).sort("exchange_id", "ts")
        self._trending = _read_csv(folder / "trending_coins.csv", TRENDING_SCHEMA)
        self._bitcoin = pl.read_csv(folder / "bitcoin.csv", schema_overrides={"price_usd": pl.Float64})
        self._centralised = set(pl.read_csv(folder / "centralised_exchanges.csv")["exchange_id"])
        self._members = pl.read_csv(folder / "category_members.csv")

    def exchanges_page(self, page: int) -> pl.DataFrame:
        """A page of 250 exchanges in EXCHANGE_SCHEMA; all packaged ones are on the first, the next is empty."""
        return self._exchanges.slice((page - 1) * _PAGE_SIZE, _PAGE_SIZE)

    def volume_chart(self, exchange_id: str, days: int) -> pl.DataFrame:
        """Rolling 24 h volume of one exchange over the last days, in VOLUME_CHART_SCHEMA, by time: a point a day.

        Raises:
            NotFoundError: no chart of that exchange is packaged.
        """
        points = found(
            self._charts.filter(pl.col("exchange_id") == exchange_id), f"volume chart of {exchange_id!r}", self.name
        )
        return points.filter(pl.col("ts") > pl.col("ts").max() - pl.duration(days=days))

    def is_centralised(self, exchange_id: str) -> bool | None:
        """Whether it is in the packaged list of centralised ones."""
        return exchange_id in self._centralised

    def trending(self) -> pl.DataFrame:
        """The packaged trending coins, in TRENDING_SCHEMA."""
        return self._trending

    def markets_by_ids(self, ids: Iterable[str]) -> pl.DataFrame:
        """Of the coins asked for those that are trending and have a market cap, and bitcoin, in MARKET_SCHEMA."""
        trending = self._trending.filter(pl.col("market_cap_usd").is_not_null())
        coins = pl.concat([trending.rename({"volume_24h_usd": "volume_usd"}), self._bitcoin], how="diagonal")
        known = coins.filter(pl.col("coin_id").is_in(list(ids)))
        return _as_markets(known.with_columns(last_updated=pl.lit(data_as_of())))

    def category_members(self, slug: str) -> pl.DataFrame:
        """The coins of a packaged category in MARKET_SCHEMA, by falling market cap; only the cap is known.

        Raises:
            NotFoundError: the category is not packaged.
        """
        members = found(self._members.filter(pl.col("category") == slug), f"category {slug!r}", self.name)
        return _as_markets(members.sort("market_cap_usd", descending=True))


class TutorialReserves:
    """A ReservesProvider that answers from the packaged files, as of the tutorial's clock.

    Args:
        folder: where ``cexs.csv``, ``centralised_exchanges.csv``, ``protocols.csv``, ``cex_tvl.parquet`` and
            ``token_balances.parquet`` are.
    """

    name = "defillama"

    def __init__(self, folder: Path = EXCHANGES_FOLDER) -> None:
        self._cexs = _read_csv(folder / "cexs.csv", CEX_SCHEMA)
        self._centralised_ids = tuple(pl.read_csv(folder / "centralised_exchanges.csv")["exchange_id"])
        self._protocols = _read_csv(folder / "protocols.csv", PROTOCOL_SCHEMA)
        self._tvl = shaped(pl.read_parquet(folder / "cex_tvl.parquet"), CEX_TVL_SCHEMA).sort("slug", "ts")
        balances = shaped(pl.read_parquet(folder / "token_balances.parquet"), TOKEN_BALANCE_SCHEMA)
        self._balances = balances.sort("slug", "ts", "token")

    def cexs(self) -> CexOverview:
        """All packaged centralised exchanges."""
        return CexOverview(exchanges=self._cexs, centralised_ids=self._centralised_ids)

    def exchange_protocols(self) -> pl.DataFrame:
        """The packaged protocols of the categories CEX and Dexs in PROTOCOL_SCHEMA."""
        return self._protocols

    def reserves_history(self, slug: str, folder: Path) -> ReservesHistory:
        """All packaged records of one exchange; nothing is put into ``folder``.

        Raises:
            NotFoundError: no history of that exchange is packaged.
        """
        tvl = found(self._tvl.filter(pl.col("slug") == slug), f"reserves of {slug!r}", self.name)
        return ReservesHistory(tvl=tvl, balances=self._balances.filter(pl.col("slug") == slug))


def _as_markets(coins: pl.DataFrame) -> pl.DataFrame:
    return shaped(
        coins.with_columns(with_rehypothecated=pl.lit(value=False), source=pl.lit(MARKETS_SOURCE)), MARKET_SCHEMA
    )


def _read_csv(path: Path, schema: pl.Schema) -> pl.DataFrame:
    return pl.read_csv(path, schema_overrides=schema).select(schema.names())
