"""People's own data: a folder of CSV and Parquet files, for figures that no service has and for work without a network.

Files, each named by a symbol of the settings, in its case, and each ``.csv`` or ``.parquet``: ``bars/SPY.csv``,
``shares/SPY.csv``, ``volatility/VIX.csv``, ``reference/DGS10.csv``, ``flows/IBIT.csv``, and for all symbols
``splits.csv`` and ``dividends.csv``. docs/own_data.md has their columns.

Dates are ISO dates from 1900 on, and none is later than today; files as Yahoo, Cboe and FRED let them be downloaded may
keep theirs. An empty cell, ``NaN``, ``null``, ``n/a``, a dash or a dot is a missing figure. Other columns are ignored.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from marketflows_pipeline.clock import Clock
from marketflows_pipeline.errors import NotFoundError, UserInputError
from marketflows_pipeline.providers.complete_sessions import NEW_YORK
from marketflows_pipeline.providers.fund_issuers.share_figures import (
    AS_TRADED,
    NET_ASSETS_TOLERANCE,
    SPLIT_ADJUSTED,
    is_date,
)
from marketflows_pipeline.providers.local_files.file_names import find_file
from marketflows_pipeline.providers.local_files.reported_flows import read_reported_flows
from marketflows_pipeline.providers.local_files.series import read_index, read_reference
from marketflows_pipeline.providers.local_files.service_files import ISO_DATE, YAHOO_COLUMNS, YAHOO_DATES
from marketflows_pipeline.providers.local_files.tables import OwnTable, read_file
from marketflows_pipeline.providers.protocols.cross_asset import (
    ACTION_SCHEMA,
    BAR_SCHEMA,
    REFERENCE_SCHEMA,
    REPORTED_SCHEMA,
    SHARES_SCHEMA,
    VOLATILITY_SCHEMA,
    PriceHistory,
)
from marketflows_pipeline.system.near_matches import find_slips
from marketflows_pipeline.transforms.cross_asset.session_bars import is_no_new_york_day, is_outside
from marketflows_pipeline.transforms.cross_asset.split_adjustment import unadjusted_splits
from marketflows_pipeline.transforms.cross_asset.unadjusted_prices import unadjusted_close
from marketflows_pipeline.transforms.time_span import OWN_FILES_SINCE, TimeSpan

logger = logging.getLogger(__name__)

PRICES = ("open", "high", "low", "close")
ACTIONS = {"split": ("splits", "ratio"), "dividend": ("dividends", "amount")}


class Folder:
    """A provider of prices, shares and volatility indices that reads the user's own files, anew for each question.

    No file may hold dates later than the clock's. The universe leads from all symbols of the settings to what price
    services call them, by which slips are told from symbols of nobody's asset; ``funds`` are those that trade in New
    York, and so on no weekend.
    """

    name = "folder"

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        source: str = "folder",
        universe: Mapping[str, str] | None = None,
        funds: Collection[str] = (),
    ) -> None:
        self._path = path
        self._clock = clock
        self._source = source
        self._universe = dict(universe or {})
        self._funds = frozenset(funds)

    def __repr__(self) -> str:
        return f"Folder({str(self._path)!r})"

    def daily_bars(self, symbol: str, provider_symbol: str, start: date, end: date) -> PriceHistory:
        """Sessions from `start` to `end`, both included; rows without a close are left out.

        ``as_traded_close_usd`` is rebuilt from the splits. No file is named by ``provider_symbol``.

        Raises:
            NotFoundError: there is no file for the symbol.
            UserInputError: a file is not as documented; the message names file, line, column and value.
        """
        table = read_file(
            find_file(self._path, "bars", symbol, also_called=[provider_symbol], others=self._universe),
            required=("date", *PRICES, "volume"),
            optional=("adjusted_close", "volume_unit", "currency"),
            called=YAHOO_COLUMNS,
            has_thousands=True,
        )
        actions = self._actions(symbol, provider_symbol)
        bars = self._bars(table, symbol)
        _refuse_unadjusted(table.file, bars, actions, self._figures_of_the_day(symbol))
        is_wanted = pl.col("session").is_between(start, end)
        return PriceHistory(
            unadjusted_close(bars, actions).select(BAR_SCHEMA.names()).filter(is_wanted), actions.filter(is_wanted)
        )

    def listed_splits(self, symbol: str, provider_symbol: str) -> pl.DataFrame:
        """The splits of ``splits.csv`` for a symbol in ACTION_SCHEMA, whoever gives its prices.

        Raises:
            UserInputError: the file is not as documented.
        """
        return self._actions(symbol, provider_symbol).filter(pl.col("action") == "split")

    def shares_outstanding(self, symbol: str, share_id: str) -> pl.DataFrame:
        """The whole history in SHARES_SCHEMA, by session; rows with neither shares nor net assets are left out.

        ``share_id`` names the file; the symbol does where it is empty.

        Raises:
            NotFoundError: there is no such file.
            UserInputError: it is not as documented, or shares times net asset value is not net assets within 2 %.
        """
        table = read_file(
            find_file(self._path, "shares", share_id or symbol, others=self._universe),
            required=("date",),
            optional=("shares", "nav", "net_assets", "published_at", "convention", "currency"),
        )
        if "shares" not in table and "net_assets" not in table:
            raise UserInputError(f"{table.file}: expected a column `shares` or `net_assets`, found neither")
        _refuse_other_currencies(table)
        frame = pl.DataFrame(
            {
                "session": self._sessions(table, is_fund=symbol in self._funds),
                "shares": table.numbers("shares"),
                "nav_usd": table.numbers("nav"),
                "net_assets_usd": table.numbers("net_assets"),
                "convention": table.choices("convention", (AS_TRADED, SPLIT_ADJUSTED)),
                "published_at": table.moments("published_at", self._span),
            }
        )
        held = frame["shares"] * frame["nav_usd"]
        contradicts = (held / frame["net_assets_usd"] - 1).abs() > NET_ASSETS_TOLERANCE
        for at in contradicts.arg_true():
            table.refuse(at, "net_assets", f"{held[at]:,.0f} within 2 %, which is shares times nav")
        expected = "a count of shares, which no net assets beside it vouch for; it reads as a day"
        table.refuse_where(frame.select(is_date()).to_series(), "shares", expected)
        # By the clock on the wall there: what is about a session is not known before its close.
        closed = pl.col("published_at").dt.convert_time_zone(NEW_YORK).dt.offset_by("-16h").dt.date()
        is_early = frame.select(closed < pl.col("session")).to_series()
        table.refuse_where(is_early, "published_at", "a time after the session's close at 16:00 in New York")
        return (
            self._stated(frame, "shares", symbol=symbol)
            .filter(pl.any_horizontal(pl.col("shares", "net_assets_usd").is_not_null()))
            .select(SHARES_SCHEMA.names())
        )

    def _figures_of_the_day(self, symbol: str) -> pl.DataFrame | None:
        """The user's own shares of the same symbol, where they are those of their day."""
        try:
            figures = self.shares_outstanding(symbol, "")
        except NotFoundError:
            return None
        return figures.filter(pl.col("convention") == AS_TRADED)

    def volatility_index(self, index_name: str) -> pl.DataFrame:
        """The whole history in VOLATILITY_SCHEMA, by session; rows without a close are left out.

        Raises:
            NotFoundError: there is no file for the index.
            UserInputError: it is not as documented.
        """
        frame = read_index(self._path, index_name, self._span)
        return self._stated(frame, "volatility", index_name=index_name).select(VOLATILITY_SCHEMA.names())

    def reference_series(self, series_id: str) -> pl.DataFrame:
        """The whole history in REFERENCE_SCHEMA, by session; rows without a value are left out.

        Raises:
            NotFoundError: there is no file for the series.
            UserInputError: it is not as documented.
        """
        frame = read_reference(self._path, series_id, self._span)
        return self._stated(frame, "reference", series_id=series_id).select(REFERENCE_SCHEMA.names())

    def has_reported_flows(self, symbol: str, provider_symbol: str) -> bool:
        """Whether there is a table of flows of a fund.

        Raises:
            UserInputError: one is most likely meant for the fund and named otherwise.
        """
        try:
            return self._flows_file(symbol, provider_symbol).is_file()
        except NotFoundError:
            return False

    def reported_flows(self, symbol: str, provider_symbol: str) -> pl.DataFrame:
        """The whole table in REPORTED_SCHEMA, by session; rows without a flow are left out.

        Raises:
            NotFoundError: there is no such file.
            UserInputError: it is not as documented.
        """
        file = self._flows_file(symbol, provider_symbol)
        frame = read_reported_flows(file, symbol, provider_symbol, self._span)
        return self._stated(frame, "flows", symbol=symbol).select(REPORTED_SCHEMA.names())

    def _flows_file(self, symbol: str, provider_symbol: str) -> Path:
        return find_file(self._path, "flows", symbol, also_called=[provider_symbol], others=self._universe)

    def _bars(self, table: OwnTable, symbol: str) -> pl.DataFrame:
        _refuse_other_currencies(table)
        frame = pl.DataFrame(
            {
                "session": self._sessions(table, is_fund=symbol in self._funds, formats=YAHOO_DATES),
                **{f"{name}_usd": table.numbers(name) for name in (*PRICES, "adjusted_close")},
                "volume": table.numbers("volume", may_be_zero=True),
                "volume_unit": table.choices("volume_unit", ("shares", "usd")),
            }
        )
        for at in (frame["high_usd"] < frame["low_usd"]).arg_true():
            table.refuse(at, "high", f"at least the low of {frame['low_usd'][at]:g}")
        for name in ("open", "close"):
            for at in frame.select(is_outside(f"{name}_usd")).to_series().arg_true():
                low, high = frame["low_usd"][at], frame["high_usd"][at]
                table.refuse(at, name, f"a price from the low of {low} to the high of {high}")
        return self._stated(frame, "bars", symbol=symbol).drop_nulls("close_usd")

    def _actions(self, symbol: str, provider_symbol: str) -> pl.DataFrame:
        frames = [ACTION_SCHEMA.to_frame()]
        for action, (name, value) in ACTIONS.items():
            file = self._path / f"{name}.csv"
            if not file.is_file():
                continue
            table = read_file(file, required=("symbol", "date", value), optional=("currency",), may_be_empty=True)
            _refuse_other_currencies(table)
            frame = pl.DataFrame(
                {
                    "symbol": table.texts("symbol"),
                    "session": table.dates("date", self._span),
                    "value": table.numbers(value),
                }
            )
            self._refuse_slips(table, {**self._universe, symbol: provider_symbol}, symbol)
            table.refuse_where(frame["value"].is_null(), value, "a number above 0")
            table.refuse_twice(frame.select("symbol", "session"), "date")
            stated = frame.with_columns(action=pl.lit(action), source=pl.lit(f"{self._source}:{name}"))
            frames.append(stated.filter(pl.col("symbol") == symbol).select(ACTION_SCHEMA.names()))
        return pl.concat(frames).sort("session", "action")

    @staticmethod
    def _refuse_slips(table: OwnTable, universe: Mapping[str, str], asked: str) -> None:
        """Refuse a symbol that is meant for one of the universe: its rows would be dropped without a word."""
        written = table.texts("symbol")
        called = {name: symbol for symbol, name in universe.items() if name} | dict(
            zip(universe, universe, strict=True)
        )
        slips = find_slips(written.unique(maintain_order=True).to_list(), called)
        for slip, symbol in slips.sure.items():
            table.refuse(written.index_of(slip) or 0, "symbol", f"{symbol!r}, as the settings write it")
        for slip, symbol in slips.doubtful.items():
            if symbol == asked:
                where = table.place(written.index_of(slip) or 0)
                logger.warning("%s, %s: %s is taken for another symbol than %s", table.file, where, slip, symbol)

    def _sessions(self, table: OwnTable, *, is_fund: bool, formats: Sequence[str] = (ISO_DATE,)) -> pl.Series:
        sessions = table.dates("date", self._span, formats=formats)
        table.refuse_twice(sessions.to_frame("session"), "date")
        if is_fund:
            for at in sessions.to_frame("session").select(is_no_new_york_day(pl.col("session"))).to_series().arg_true():
                table.refuse(at, "date", f"a day on which New York trades, which no {sessions[at]:%A} is")
        return sessions

    @property
    def _span(self) -> TimeSpan:
        return TimeSpan.ever(OWN_FILES_SINCE, now=self._clock.now())

    def _stated(self, frame: pl.DataFrame, kind: str, **named: str) -> pl.DataFrame:
        return frame.sort("session").with_columns(
            source=pl.lit(f"{self._source}:{kind}"), **{column: pl.lit(value) for column, value in named.items()}
        )


def _refuse_other_currencies(table: OwnTable) -> None:
    """Where a file says its currency, it must be the dollar: a euro would be taken for one."""
    table.choices("currency", ("USD",))


def _refuse_unadjusted(file: Path, bars: pl.DataFrame, actions: pl.DataFrame, figures: pl.DataFrame | None) -> None:
    """Refuse closes that fall with a split: each return across it would be wrong by its ratio."""
    splits = actions.filter(pl.col("action") == "split")
    for day, ratio in unadjusted_splits(bars, splits, figures):
        raise UserInputError(
            f"{file}, column `close`: expected prices adjusted for the split of {day} in splits.csv, found them as "
            f"traded; divide every price before it by {ratio:g} and multiply its volume"
        )
