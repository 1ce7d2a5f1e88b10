"""Warehouse queries of the chained index: which indices are wanted, what is stored of them, what they extend from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from marketflows_pipeline.queries.closes import close_times, daily_closes, stored_members
from marketflows_pipeline.queries.market_caps import since_first_run
from marketflows_pipeline.queries.tracked_coins import gone_coins
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.transforms.categories import NARRATIVES, PORTFOLIOS, US_DOLLAR
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.transforms.market_caps.index_rule import INDEX, IndexRule
from marketflows_pipeline.transforms.market_caps.index_state import Chain, MarketData
from marketflows_pipeline.warehouse.store import Warehouse

STALE_STEPS = 2
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = pl.Datetime("us", "UTC")
_RULES = {
    "category": pl.String, "series": pl.String, "top_n": pl.Int32, "buffer": pl.Int32, "rule": pl.String
}  # fmt: skip

_LISTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "category": pl.String, "series": pl.String, "ts": _TIME, "coin_id": pl.String, "rank": pl.Int32,
    "is_complete": pl.Boolean,
}  # fmt: skip


def index_rule(settings: Settings) -> IndexRule:
    """The rule of narratives that the settings mean."""
    chosen = settings.narrative_index
    return IndexRule(
        weighting=chosen.weighting,
        top_n=settings.source.narrative_top_n,
        buffer=chosen.buffer,
        reconstitution=chosen.reconstitution,
        excluded=settings.source.exclusions_in_use,
    )


def indices_wanted(settings: Settings, rule: IndexRule) -> pl.DataFrame:
    """``category, series, top_n, buffer, rule``: narratives and portfolios of the settings."""
    narratives = [(NARRATIVES, slug, rule.top_n, rule.buffer, rule.words) for slug in settings.source.narratives_in_use]
    portfolios = [
        (
            PORTFOLIOS,
            name,
            len(coins),
            0,
            f"{rule.weighting}-weighted, {rule.reconstitution}, fixed: {', '.join(coins)}",
        )
        for name, coins in settings.source.portfolios_in_use.items()
    ]
    return pl.DataFrame([*narratives, *portfolios], schema=_RULES, orient="row")


def index_rules(settings: Settings) -> pl.DataFrame:
    """``category, rule``: how members and weights of a category's indices are set, in words for a chart."""
    rule = index_rule(settings)
    fixed = f"{rule.weighting}-weighted, fixed members, weights set {rule.reconstitution}"
    return pl.DataFrame({"category": [NARRATIVES, PORTFOLIOS], "rule": [rule.words, fixed]})


def stored_chain(warehouse: Warehouse) -> Chain:
    """Every stored index as it stands at its last final close."""
    levels = warehouse.query(
        f"""
        select closes.category, closes.series, closes.ts, closes.index_version, rule, price_index, cap_index,
               is_backfilled
        from core.index_closes closes
        join (select category, series, any_value(rule) as rule from core.narrative_constituents
              where effective_to is null group by all) using (category, series)
        where base_asset = '{US_DOLLAR}'
        qualify closes.ts = max(closes.ts) over (partition by closes.category, closes.series)
        order by all
        """
    )
    held = warehouse.query(
        f"""
        select held.category, held.series, held.coin_id, start.price_index as level, start.cap_index as cap_level,
               weight, units, weight / market_cap_usd as cap_units,
               coalesce(points, weight * start.price_index) as points,
               coalesce(cap_points, weight * start.cap_index) as cap_points, effective_from
        from core.narrative_constituents held
        join core.index_closes start
          on start.category = held.category and start.series = held.series and start.ts = held.effective_from
         and start.base_asset = '{US_DOLLAR}'
        left join (
            select * from mart.index_contributions
            qualify ts = max(ts) over (partition by category, series)
        ) last on last.category = held.category and last.series = held.series and last.coin_id = held.coin_id
              and last.ts > held.effective_from
        where effective_to is null order by all
        """
    )
    return Chain(
        levels.cast({"ts": _TIME, "index_version": pl.Int32}),
        held.cast({"effective_from": _TIME}),
    )


def ready_indices(warehouse: Warehouse, settings: Settings, wanted: pl.DataFrame, stored: Chain) -> pl.DataFrame:
    """The indices of `wanted` that are stored, or whose first members all have their history.

    One that began with half of its members could never be put right. Where no history is served, a member's first close
    is waited for instead.
    """
    answered = "select distinct coin_id from meta.backfills where outcome <> 'failed'"
    closed = "select distinct coin_id from core.daily_closes"
    coins = warehouse.query(answered if settings.source.has_history else closed)["coin_id"]
    known = {*coins, *gone_coins(warehouse)}
    new = wanted.join(stored.levels, on=INDEX, how="anti")
    waiting = [
        (category, series)
        for (category, series), rows in _first_members(warehouse, settings, new).group_by(INDEX)
        if not known.issuperset(rows["coin_id"])
    ]
    without = pl.DataFrame(waiting, schema=dict.fromkeys(INDEX, pl.String), orient="row")
    return wanted.join(without, on=INDEX, how="anti")


def market_data(
    warehouse: Warehouse, settings: Settings, wanted: pl.DataFrame, stored: Chain, now: datetime
) -> MarketData:
    """Closes, lists and answers since the oldest close that an index lacks."""
    spec = since_first_run(warehouse, settings, GridSpec.from_window(now, settings.source.days))
    levels = stored.levels.join(wanted, on=INDEX, how="semi")
    oldest = levels["ts"].min()
    is_extension = levels.height == wanted.height and isinstance(oldest, datetime)
    first = oldest + timedelta(days=1) if is_extension and isinstance(oldest, datetime) else spec.start
    times = close_times(first, now)
    listed = index_lists(warehouse, settings, wanted, stored, now) if times.len() else pl.DataFrame(schema=_LISTS)
    coins = sorted({*listed["coin_id"], *stored.held["coin_id"]})
    answered = warehouse.query(
        "select coin_id, max(attempted_at) as answered_at from ("
        "select coin_id, attempted_at, outcome from meta.repairs union all "
        "select coin_id, attempted_at, outcome from meta.backfills) where outcome <> 'failed' group by all"
    ).cast({"answered_at": _TIME})
    gone = pl.DataFrame({"coin_id": gone_coins(warehouse)}, schema={"coin_id": pl.String})
    answered = pl.concat([
        answered.join(gone, on="coin_id", how="anti"), gone.with_columns(answered_at=pl.lit(now, _TIME))
    ])  # fmt: skip
    if not settings.source.has_history:
        # Nothing that is missing can come any more.
        answered = pl.DataFrame({"coin_id": coins}).with_columns(answered_at=pl.lit(now, _TIME))
    closes = daily_closes(warehouse, coins, first, now, within=STALE_STEPS * spec.step)
    return MarketData(listed, closes, times, answered)


def index_lists(
    warehouse: Warehouse, settings: Settings, wanted: pl.DataFrame, stored: Chain, now: datetime
) -> pl.DataFrame:
    """Lists of members by the close at which they were known, as `MarketData` holds them.

    A portfolio of the settings is known since it was first seen there: what came before is hindsight.
    """
    known = stored_members(warehouse).select(pl.lit(NARRATIVES).alias("category"), pl.all())
    reach = pl.col("rank").max().over(*INDEX, "ts") >= pl.col("top_n") + pl.col("buffer")
    of_narratives = known.join(wanted, on=INDEX).with_columns(
        is_complete=reach | pl.col("is_full_page").fill_null(value=False)
    )
    next_close = close_times(now, now + timedelta(days=1))[0]
    seen = set(stored.levels.filter(pl.col("category") == PORTFOLIOS)["series"])
    of_portfolios = [
        (PORTFOLIOS, name, _LONG_AGO if name in seen else next_close, coin, place, True)
        for name, coins in settings.source.portfolios_in_use.items()
        for place, coin in enumerate(coins, 1)
    ]
    return pl.concat([of_narratives.select(*_LISTS), pl.DataFrame(of_portfolios, schema=_LISTS, orient="row")])


def _first_members(warehouse: Warehouse, settings: Settings, new: pl.DataFrame) -> pl.DataFrame:
    """``category, series, coin_id`` of the members that new indices begin with."""
    if new.is_empty():
        return new.select(*INDEX, pl.lit("").alias("coin_id"))
    known = stored_members(warehouse).select(pl.lit(NARRATIVES).alias("category"), pl.all())
    first = known.join(new, on=INDEX).filter(
        pl.col("ts") == pl.col("ts").min().over(INDEX), pl.col("rank") <= pl.col("top_n")
    )
    portfolios = [
        (PORTFOLIOS, name, coin) for name, coins in settings.source.portfolios_in_use.items() for coin in coins
    ]
    held = pl.DataFrame(portfolios, schema=dict.fromkeys([*INDEX, "coin_id"], pl.String), orient="row")
    return pl.concat([first.select(held.columns), held.join(new, on=INDEX, how="semi")])
