"""The chained index, extended by the closes since the last stored one; what is stored is never computed anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from marketflows_pipeline.transforms.market_caps.daily_closes import DAY
from marketflows_pipeline.transforms.market_caps.index_path import (
    BASE_LEVEL,
    contributions,
    held_points,
    holdings,
    index_levels,
)
from marketflows_pipeline.transforms.market_caps.index_rule import (
    INDEX,
    IndexRule,
    select_members,
    weighting_of,
    with_weights,
)
from marketflows_pipeline.transforms.market_caps.index_state import Chain, Extension, MarketData, as_stored

# A close is final by then, whatever is missing: prices that never come must not hold an index back.
FINAL_AFTER = timedelta(hours=48)

# What the rows of base assets have beside these of the dollar.
NOT_OF_DOLLARS = ("base_asset", "base_price_usd", "base_cap_usd")

_COIN = [*INDEX, "coin_id"]
_TIME = pl.Datetime("us", "UTC")
_NONE_RESTATED = pl.DataFrame(
    schema={**dict.fromkeys(_COIN, pl.String), "effective_from": _TIME, "unit_factor": pl.Float64}
)


def extend_index(chain: Chain, rules: pl.DataFrame, rule: IndexRule, data: MarketData, now: datetime) -> Extension:
    """Extend every index to the newest close that is final.

    A close is final once every member has a price, or the service has answered or refused a request for its history
    since, and at the latest 48 hours after it. Members and weights are set anew at the closes that `rule` names, and
    at the first close after a rule has changed, which starts a new version, chained to the one before.

    Args:
        chain: what is stored; an index that is not in it starts with 1,000 at the first of the closes.
        rules: category, series, top_n, buffer, rule (in words): the indices wanted.
        rule: weights and calendar, which all share.
        data: what is known now.
        now: the run's moment.
    """
    work = _Work(chain, rules, rule, data, now)
    for first, last in work.segments():
        work.advance(first, last)
    return work.result()


class _Work:
    """One extension under way: advanced close by close where something may change, else by segments."""

    def __init__(self, chain: Chain, rules: pl.DataFrame, rule: IndexRule, data: MarketData, now: datetime) -> None:
        self._rule, self._rules, self._data = rule, rules, data
        self._sure_until = now - FINAL_AFTER
        wanted = rules.select(INDEX)
        self._levels = chain.levels.join(wanted, on=INDEX, how="semi")
        self._held = chain.held.join(wanted, on=INDEX, how="semi")
        self._others = Chain(
            chain.levels.join(wanted, on=INDEX, how="anti"), chain.held.join(wanted, on=INDEX, how="anti")
        )
        self._first_known = data.listed.group_by(INDEX).agg(first_known=pl.col("ts").min())
        self._waiting = wanted.clear()
        self._closes: list[pl.DataFrame] = []
        self._points: list[pl.DataFrame] = []
        self._members: list[pl.DataFrame] = []
        self._restated: list[pl.DataFrame] = []

    def segments(self) -> list[tuple[datetime, datetime]]:
        """Runs of closes, from (exclusive) and to, at whose ends members may change or a close may not be final."""
        stored = self._levels["ts"].min()
        begins = self._begins()
        after = stored if isinstance(stored, datetime) and not begins else datetime.min.replace(tzinfo=UTC)
        pending = [close for close in self._data.times.to_list() if close > after]
        if not pending:
            return []
        changes = {*begins, *self._restarts(), pending[-1]}
        ends = [c for c in pending if c in changes or c > self._sure_until or self._rule.is_due(c)]
        return list(zip([pending[0] - DAY, *ends[:-1]], ends, strict=True))

    def advance(self, first: datetime, last: datetime) -> None:
        """Compute the closes after `first` up to `last`, then set members anew where that is due."""
        times = self._data.times.filter((self._data.times > first) & (self._data.times <= last)).alias("ts").to_frame()
        active = self._levels.join(self._waiting, on=INDEX, how="anti")
        due = active.select(*INDEX, after="ts").join(times, how="cross").filter(pl.col("ts") > pl.col("after"))
        if not due.is_empty():
            points = held_points(self._held, self._data.closes, due.select(*INDEX, "ts"))
            if last > self._sure_until:
                points = self._final_only(points, last)
            self._store(points, active)
        self._reconstitute(last)

    def result(self) -> Extension:
        """All that was computed, and the indices as they stand."""
        return Extension(
            closes=as_stored(self._closes, "core.index_closes", NOT_OF_DOLLARS),
            contributions=as_stored(self._points, "mart.index_contributions"),
            constituents=as_stored(self._members, "core.narrative_constituents", ("effective_to",)),
            restated=pl.concat([_NONE_RESTATED, *self._restated]),
            chain=Chain(
                pl.concat([self._others.levels, self._levels], how="diagonal"),
                pl.concat([self._others.held, self._held], how="diagonal"),
            ),
        )

    def _begins(self) -> list[datetime]:
        """The first close at which any listed coin of a new index has a price, of each such index."""
        new = self._rules.join(self._levels, on=INDEX, how="anti")
        listed = self._data.listed.join(new, on=INDEX, how="semi").select(*INDEX, "coin_id").unique()
        priced = self._data.closes.filter(pl.col("ts").is_in(self._data.times.implode())).select("coin_id", "ts")
        first = listed.join(priced, on="coin_id").group_by(INDEX).agg(pl.col("ts").min())
        return first["ts"].to_list()

    def _restarts(self) -> list[datetime]:
        """The first close after the last one of each index whose rule has changed."""
        changed = self._levels.join(self._rules, on=INDEX, suffix="_now").filter(pl.col("rule") != pl.col("rule_now"))
        return [stored + DAY for stored in changed["ts"].to_list()]

    def _final_only(self, points: pl.DataFrame, close: datetime) -> pl.DataFrame:
        """Points of the indices whose close is final; the others wait."""
        missing = points.filter(~pl.col("is_observed")).join(self._data.answered, on="coin_id", how="left")
        pending = missing.filter((pl.col("answered_at") < close).fill_null(value=True)).select(INDEX).unique()
        self._waiting = pl.concat([self._waiting, pending]).unique()
        return points.join(pending, on=INDEX, how="anti")

    def _store(self, points: pl.DataFrame, active: pl.DataFrame) -> None:
        """Keep the closes that were computed, and move the indices on to their last one."""
        if points.is_empty():
            return
        levels = index_levels(points).join(active.select(*INDEX, "index_version", "rule"), on=INDEX)
        levels = self._as_closes(levels)
        self._closes.append(levels)
        self._points.append(contributions(points))
        newest = levels.filter(pl.col("ts") == pl.col("ts").max().over(INDEX))
        self._move_on(newest)
        ends = points.join(newest.select(*INDEX, "ts"), on=[*INDEX, "ts"])
        after = ends.select(*_COIN, now="points", cap_now="cap_points", factor="unit_factor")
        moved = self._held.join(after, on=_COIN, how="left")
        changed = moved.filter(pl.col("factor") != 1)
        self._restated.append(changed.select(*_COIN, "effective_from", unit_factor="factor"))
        self._held = moved.with_columns(
            points=pl.coalesce("now", "points"),
            cap_points=pl.coalesce("cap_now", "cap_points"),
            units=pl.col("units") * pl.col("factor").fill_null(1.0),
        ).drop("now", "cap_now", "factor")

    def _move_on(self, newest: pl.DataFrame) -> None:
        columns = self._levels.columns
        others = self._levels.join(newest, on=INDEX, how="anti")
        self._levels = pl.concat([others, newest.select(columns).cast(self._levels.schema)])

    def _reconstitute(self, close: datetime) -> None:
        """Set members and weights of the indices that are due at this close, and start those that are new."""
        # One that was set at this close by an earlier run is not set again.
        done = self._held.filter(pl.col("effective_from") == close)
        here = self._levels.filter(pl.col("ts") == close).join(done, on=INDEX, how="anti")
        wanted = self._rules.join(here.select(*INDEX, "index_version", was="rule"), on=INDEX, how="left")
        is_new = pl.col("index_version").is_null()
        is_absent = ~pl.struct(INDEX).is_in(self._levels.select(pl.struct(INDEX)).to_series().implode())
        is_due = pl.lit(self._rule.is_due(close)) | (pl.col("was") != pl.col("rule"))
        wanted = wanted.filter((is_new & is_absent) | (~is_new & is_due))
        members = self._members_at(close, wanted)
        if members.is_empty():
            return
        at_base = members.filter(is_new).select(INDEX).unique(maintain_order=True)
        started = at_base.join(self._rules.select(*INDEX, "rule"), on=INDEX).select(
            *INDEX,
            ts=pl.lit(close, _TIME),
            index_version=pl.lit(1, pl.Int32),
            rule="rule",
            price_index=BASE_LEVEL,
            cap_index=BASE_LEVEL,
        )
        started = self._as_closes(started)
        self._move_on(started)
        version = pl.col("index_version").fill_null(1) + (pl.col("was") != pl.col("rule")).fill_null(value=False)
        members = members.with_columns(version.cast(pl.Int32).alias("index_version"))
        levels = self._levels.join(members.select(INDEX).unique(), on=INDEX)
        new = holdings(members, levels).with_columns(effective_from=pl.lit(close, _TIME))
        self._store_start(started, members)
        self._store_turnover(close, new, started)
        self._members.append(members.join(new.select(*_COIN, "units", "effective_from"), on=_COIN))
        self._held = pl.concat([self._held.join(new, on=INDEX, how="anti"), new.select(self._held.columns)])
        versions = members.select(*INDEX, "index_version", "rule").unique()
        self._levels = self._levels.update(versions, on=INDEX)

    def _members_at(self, close: datetime, wanted: pl.DataFrame) -> pl.DataFrame:
        """Members of these indices by what was known at a close; before the first list by that one."""
        known = self._data.listed.join(wanted, on=INDEX).filter(pl.col("ts") <= close)
        lists = pl.concat([
            known.filter(pl.col("ts") == pl.col("ts").max().over(INDEX)),
            self._data.listed.join(wanted, on=INDEX)
            .join(known.select(INDEX).unique(), on=INDEX, how="anti")
            .filter(pl.col("ts") == pl.col("ts").min().over(INDEX)),
        ])  # fmt: skip
        priced = self._data.closes.filter(pl.col("ts") == close).select("coin_id", "price_usd", "market_cap_usd")
        eligible = (
            lists.rename({"ts": "listed_at"})
            .join(priced, on="coin_id")
            .sort(*INDEX, "rank", "coin_id")
            .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over(INDEX))
        )
        chosen = select_members(eligible, self._held, top_n=pl.col("top_n"), buffer=pl.col("buffer"))
        return with_weights(chosen, self._rule.weighting).with_columns(reason=_reason(close))

    def _store_start(self, started: pl.DataFrame, members: pl.DataFrame) -> None:
        """The first close of a new index: 1,000."""
        if started.is_empty():
            return
        counts = members.group_by(INDEX).agg(n=pl.len().cast(pl.Int32), coverage_pct=pl.lit(100.0))
        self._closes.append(started.join(counts, on=INDEX))

    def _store_turnover(self, close: datetime, new: pl.DataFrame, started: pl.DataFrame) -> None:
        """Half of what the weights changed by, in percent, on the rows of this close."""
        before = self._held.join(started, on=INDEX, how="anti").join(new, on=INDEX, how="semi")
        if before.is_empty():
            return
        drifted = pl.col("points") / pl.col("points").sum().over(INDEX)
        change = before.select(*_COIN, drifted.alias("before")).join(
            new.select(*_COIN, "weight"), on=_COIN, how="full", coalesce=True
        )
        moved = (pl.col("weight").fill_null(0.0) - pl.col("before").fill_null(0.0)).abs()
        turnover = (
            change.join(before.select(INDEX).unique(), on=INDEX)
            .sort(_COIN)
            .group_by(INDEX)
            .agg(turnover_pct=50 * moved.sum())
            .with_columns(ts=pl.lit(close, _TIME))
        )
        self._closes = [rows.update(turnover, on=[*INDEX, "ts"]) for rows in self._closes]

    def _as_closes(self, levels: pl.DataFrame) -> pl.DataFrame:
        return levels.join(self._first_known, on=INDEX, how="left").with_columns(
            weighting=weighting_of("rule"),
            turnover_pct=pl.lit(None, pl.Float64),
            is_backfilled=(pl.col("ts") < pl.col("first_known")).fill_null(value=False),
        )


def _reason(close: datetime) -> pl.Expr:
    place = pl.format("rank {} of those listed", pl.col("rank"))
    kept = pl.when("is_incumbent").then(pl.format("stays: {}", place)).otherwise(pl.format("enters: {}", place))
    known = pl.when(pl.col("listed_at") > close).then(
        pl.format("back-filled with the members of {}: {}", pl.col("listed_at").dt.strftime("%Y-%m-%d"), place)
    )
    unsure = pl.when(~pl.col("is_complete")).then(pl.lit("; no buffer, too few are stored")).otherwise(pl.lit(""))
    return known.otherwise(kept) + unsure
