"""Small frames of the cross-asset part: only the columns that matter are written down, the rest is null."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.schema import table
from marketflows_pipeline.transforms.cross_asset.asset_flows import asset_flows
from marketflows_pipeline_tests.transforms.exchanges.frames import assert_in_shape, rows_of

# A Monday; the week after it has no holiday.
MONDAY = date(2026, 3, 2)
UNIVERSE_SCHEMA = {"symbol": pl.String(), "asset_class": pl.String(), "share_source": pl.String()}
SUPPLY_SCHEMA = {
    "symbol": pl.String(),
    "session": pl.Date(),
    "supply": pl.Float64(),
    "market_cap_usd": pl.Float64(),
    "price_usd": pl.Float64(),
}

__all__ = [
    "EFFECTS", "MONDAY", "UNKNOWN", "assert_in_shape", "bars_of", "by_day", "column", "day", "flows_of", "last",
    "rows_of", "shares_of", "splits_of", "supply_of", "universe_of", "weekdays",
]  # fmt: skip

# What a flow is made of, and a session of which it is not known.
EFFECTS = ("market_cap_change_usd", "price_effect_usd", "share_effect_usd", "flow_usd", "flow_method")
UNKNOWN = (None, None, None, None, "price_only")

Days = Mapping[date, float | None] | Sequence[float | None]


def day(number: int) -> date:
    """That many days after `MONDAY`."""
    return MONDAY + timedelta(days=number)


def weekdays(n: int, start: date = MONDAY) -> list[date]:
    """That many days from `start` on, weekends left out."""
    days = (start + timedelta(days=number) for number in range(2 * n + 7))
    return [each for each in days if each.isoweekday() < 6][:n]


def by_day(values: Days, days: Iterable[date] | None = None) -> dict[date, float | None]:
    """A sequence is taken as one value a weekday from `MONDAY`."""
    if isinstance(values, Mapping):
        return dict(values)
    return dict(zip(days or weekdays(len(values)), values, strict=True))


def bars_of(
    closes: Mapping[str, Days],
    volumes: Mapping[str, Days] | None = None,
    *,
    coins: Iterable[str] = (),
    **prices: Mapping[str, Days],
) -> pl.DataFrame:
    """Symbol to closes, as rows of ``raw.daily_bars``; `prices` are high_usd and low_usd, else those of the close."""
    rows: list[dict[str, Any]] = []
    for symbol, values in closes.items():
        volume = by_day((volumes or {}).get(symbol, {}))
        other = {name: by_day(given[symbol]) for name, given in prices.items() if symbol in given}
        rows += [
            {
                "symbol": symbol,
                "session": session,
                **dict.fromkeys(("open_usd", "high_usd", "low_usd", "close_usd"), close),
                "volume": volume.get(session),
                "volume_unit": "usd" if symbol in coins else "shares",
                **{name: given.get(session) for name, given in other.items()},
            }
            for session, close in by_day(values).items()
            if close is not None
        ]
    return rows_of("raw.daily_bars", *rows)


def shares_of(
    shares: Mapping[str, Days],
    navs: Mapping[str, Days] | None = None,
    net_assets: Mapping[str, Days] | None = None,
    **given: Any,
) -> pl.DataFrame:
    """Symbol to shares of each day, as first vintages of ``raw.shares_outstanding`` in shares of that day."""
    given = {"vintage": 1, "convention": "as_traded", "fetched_at": datetime(2026, 11, 20, tzinfo=UTC), **given}
    rows: list[dict[str, Any]] = []
    for symbol in {**shares, **(net_assets or {})}:
        known, nav = by_day(shares.get(symbol, {})), by_day((navs or {}).get(symbol, {}))
        assets = by_day((net_assets or {}).get(symbol, {}))
        rows += [
            {
                "symbol": symbol,
                "session": session,
                "shares": known.get(session),
                "nav_usd": nav.get(session),
                "net_assets_usd": assets.get(session),
                **given,
            }
            for session in sorted({*known, *nav, *assets})
        ]
    return rows_of("raw.shares_outstanding", *rows)


def splits_of(splits: Mapping[str, Mapping[date, float]]) -> pl.DataFrame:
    """Symbol to date to ratio, as rows of ``raw.corporate_actions``."""
    return rows_of(
        "raw.corporate_actions",
        *(
            {"symbol": symbol, "session": session, "action": "split", "value": ratio}
            for symbol, by_date in splits.items()
            for session, ratio in by_date.items()
        ),
    )


def supply_of(coins: Mapping[str, Mapping[date, tuple[float, float]]]) -> pl.DataFrame:
    """Coin to date to supply and price."""
    rows = [
        (symbol, session, supply, supply * price, price)
        for symbol, days in coins.items()
        for session, (supply, price) in days.items()
    ]
    return pl.DataFrame(rows, schema=SUPPLY_SCHEMA, orient="row")


def universe_of(*assets: tuple[str, str, str] | str) -> pl.DataFrame:
    """Assets as symbol, class and source of shares; a symbol alone is an equity fund of the folder."""
    rows = [(each, "equity", "folder") if isinstance(each, str) else each for each in assets]
    return pl.DataFrame(rows, schema=UNIVERSE_SCHEMA, orient="row")


def flows_of(
    bars: pl.DataFrame,
    shares: pl.DataFrame | None = None,
    *,
    splits: Mapping[str, Mapping[date, float]] | None = None,
    supply: pl.DataFrame | None = None,
    universe: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """``core.asset_flows`` of these, in shape; without a universe what has a supply is a coin, the rest are funds."""
    coins = set() if supply is None else set(supply["symbol"].unique())
    listed = [(each, "crypto", "supply") if each in coins else each for each in bars["symbol"].unique().sort()]
    flows = asset_flows(
        bars,
        table("raw.shares_outstanding").empty() if shares is None else shares,
        splits_of(splits or {}),
        supply_of({}) if supply is None else supply,
        universe_of(*listed) if universe is None else universe,
    )
    assert_in_shape(flows, "core.asset_flows")
    return flows


def column(frame: pl.DataFrame, name: str, symbol: str | None = None) -> list[Any]:
    """Values of a column, of one asset where it is named."""
    shown = frame if symbol is None else frame.filter(pl.col("symbol") == symbol)
    return shown[name].to_list()


def last(flows: pl.DataFrame, *columns: str, symbol: str = "A") -> tuple[object, ...]:
    """These columns of an asset's newest row."""
    return flows.filter(symbol=symbol).select(columns).row(-1)
