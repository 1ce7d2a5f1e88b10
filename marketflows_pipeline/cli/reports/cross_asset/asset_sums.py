"""Flows of the last sessions summed per asset, for any number of sessions.

For the windows of the settings these are the figures of mart.flow_rankings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from marketflows_pipeline.cli.reports.cross_asset.provenance import BARS, FLOW_LIMIT, fetched, is_past, is_stale
from marketflows_pipeline.cli.reports.published_data import PublishedData

if TYPE_CHECKING:
    from marketflows_pipeline.settings import Asset

FLOWS = "core.asset_flows"

# Flows go by the session on which the money moved, up to the last one of the pipeline's rankings.
_BY_TRADE_SESSION = """
with last_session as (
    select coalesce(
        (select max(session) from mart.flow_rankings), (select max(session) from core.asset_flows)
    ) as last
),
traded as (
    select symbol, coalesce(trade_session, session) as session, flow_method, gap_sessions, shares,
           flow_unknown_reason, is_large_creation,
           case when trade_session is null then flow_usd else trade_flow_usd end as flow_usd,
           case when trade_session is null then gap_flow_usd else trade_gap_flow_usd end as gap_flow_usd
    from core.asset_flows
    where trade_session is not null or coalesce(share_lag_sessions, 0) = 0
),
keyed as (
    select core.symbol, core.session, core.asset_class, core.close_usd, core.market_cap_usd, core.price_effect_usd,
           core.gap_price_effect_usd, core.gap_sessions as price_gap_sessions, core.is_supply_revision,
           coalesce(traded.flow_method, 'price_only') as flow_method, traded.gap_sessions, traded.shares,
           core.lag_basis, traded.flow_unknown_reason, coalesce(traded.is_large_creation, false) as is_large_creation,
           traded.flow_usd, traded.gap_flow_usd
    from core.asset_flows core left join traded using (symbol, session)
    where core.session <= (select last from last_session)
),
newest_first as (
    select session, row_number() over (order by session desc) - 1 as age
    from (select distinct session from keyed)
)"""
_WINDOW = f"""
{_BY_TRADE_SESSION}
select max(session) filter (where age = 0) as session,
       min(session) filter (where age < $days) as first_session,
       max(session) filter (where age = $days) as session_before,
       count(*) filter (where age < $days) as n_sessions,
       (select max(session) from core.asset_flows) as newest_session,
       (select max(session) from keyed
        where coalesce(flow_usd, gap_flow_usd) is not null and flow_method <> 'supply') as newest_flow_session
from newest_first
"""  # noqa: S608 (names of this file)
_SUMS = f"""
{_BY_TRADE_SESSION},
aged as (
    select *, count(*) filter (where age < $days) over (partition by symbol order by session) as own_sessions
    from keyed join newest_first using (session) where age <= $days
),
inside as (
    select symbol, session, is_supply_revision, flow_unknown_reason, is_large_creation,
           -- What came over a gap counts where the window holds all of its sessions.
           coalesce(gap_sessions <= own_sessions, false) as is_whole_gap,
           coalesce(flow_usd, case when is_whole_gap then gap_flow_usd end) as flow_usd,
           coalesce(price_effect_usd, case when price_gap_sessions <= own_sessions then gap_price_effect_usd end)
               as price_effect_usd,
           case when is_whole_gap then gap_sessions else (flow_usd is not null)::integer end as sessions_known,
           case when is_whole_gap and flow_method = 'price_only' then if(shares is null, 'aum', 'shares')
                else flow_method end as flow_method
    from aged where age < $days
),
assets as (
    select symbol, any_value(asset_class) as asset_class, max(session) as last_session,
           any_value(lag_basis) as lag_basis,
           max(session) filter (where coalesce(flow_usd, gap_flow_usd) is not null) as last_known_session
    from keyed
    group by symbol
),
names as (select symbol, any_value(name) as name from mart.flow_rankings group by symbol),
sums as (
    select symbol,
           arg_max(flow_method, session) filter (where flow_method <> 'price_only') as flow_method,
           sum(flow_usd) as flow_usd,
           sum(sessions_known) as sessions_known,
           sum(price_effect_usd) as price_effect_usd,
           bool_or(is_supply_revision) as has_supply_revision,
           max(session) filter (where flow_unknown_reason = 'suspected_split') as suspected_session,
           max(session) filter (where is_large_creation) as large_session
    from inside
    group by symbol
),
ends as (
    select symbol,
           any_value(market_cap_usd) filter (where age = 0) as market_cap_usd,
           any_value(market_cap_usd) filter (where age = $days) as market_cap_before_usd,
           any_value(close_usd) filter (where age = 0) as close_usd,
           any_value(close_usd) filter (where age = $days) as close_before_usd
    from aged
    group by symbol
)
select symbol, coalesce(name, symbol) as name, asset_class, coalesce(flow_method, 'price_only') as flow_method,
       flow_usd, coalesce(sessions_known, 0)::integer as sessions_known,
       case when market_cap_before_usd > 0 then 100 * flow_usd / market_cap_before_usd end as flow_pct_of_market_cap,
       price_effect_usd,
       market_cap_usd - market_cap_before_usd as market_cap_change_proxy_usd,
       close_usd / close_before_usd - 1 as price_return,
       market_cap_usd, coalesce(has_supply_revision, false) as has_supply_revision, last_session, last_known_session,
       suspected_session, large_session, lag_basis
from assets left join sums using (symbol) left join ends using (symbol) left join names using (symbol)
order by symbol
"""  # noqa: S608 (names of this file)
_NOT_SHOWN = ("has_supply_revision", "last_known_session", "suspected_session", "large_session", "lag_basis")


@dataclass(frozen=True)
class Window:
    """The last sessions, as far as they are stored.

    Attributes:
        days: sessions asked for.
        n_sessions: sessions there are, at most `days`.
        session: the newest.
        first_session: the first of the window.
        session_before: the one before the window, which changes are against; None where none is stored.
        newest_session: the newest of which prices are stored; flows of its last ones may not be known yet.
        newest_flow_session: newest session on which the flow of any fund is known.
    """

    days: int
    n_sessions: int
    session: date
    first_session: date
    session_before: date | None
    newest_session: date
    newest_flow_session: date | None

    def keys(self) -> dict[str, Any]:
        """What an answer says of its window."""
        names = ("days", "n_sessions", "session", "first_session", "session_before")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class AssetSums:
    """Sums over a window.

    Attributes:
        window: the sessions.
        assets: one entry for each asset of the tables, by symbol, with inflow_rank, outflow_rank and, where its flow
            is unknown, the reason in `why`.
        unknown: symbol, name and reason of each asset whose flow is unknown, those without any price among them.
        includes_issuance: whether issuance of coins counts as a flow.
        unknown_lag: funds of whose counts nobody knows whether they are about their date, which is assumed.
        large: symbol and session of the newest flow beyond 35 % of a fund's assets, where the window has one.
    """

    window: Window
    assets: Sequence[dict[str, Any]]
    unknown: Sequence[dict[str, Any]]
    includes_issuance: bool
    unknown_lag: Sequence[str] = ()
    large: Mapping[str, date] = field(default_factory=dict)

    def counts(self, asset: Mapping[str, Any]) -> bool:
        """Whether the asset's sum is a known flow that takes part in rankings and attribution."""
        return asset["flow_usd"] is not None and (asset["flow_method"] != "supply" or self.includes_issuance)

    def has_coins(self) -> bool:
        """Whether supplies of coins are among the figures."""
        return any(asset["flow_method"] == "supply" for asset in self.assets)

    def partly_known(self) -> list[dict[str, Any]]:
        """Assets whose flow is known on some sessions of the window only."""
        return [
            {key: asset[key] for key in ("symbol", "sessions_known")}
            for asset in self.assets
            if 0 < asset["sessions_known"] < self.window.n_sessions
        ]


def asset_sums(source: PublishedData, universe: Sequence[Asset], days: int, *, include_issuance: bool) -> AssetSums:
    """Sum the flows of the last sessions.

    Args:
        source: the published file.
        universe: assets of the settings, for what is not in the tables.
        days: sessions, from 1.
        include_issuance: whether issuance of coins is ranked too.

    Raises:
        MarketflowsError: if there is no data yet.
    """
    source.require(FLOWS)
    window = Window(days=days, **source.row(_WINDOW, {"days": days}))
    assets = source.rows(_SUMS, {"days": days})
    settings = {asset.symbol: asset for asset in universe}
    for asset in assets:
        asset["why"] = None if asset["flow_usd"] is not None else _why(asset, settings.get(asset["symbol"]))
    sums = AssetSums(
        window,
        assets,
        _unknown(assets, universe),
        include_issuance,
        [asset["symbol"] for asset in assets if asset["lag_basis"] == "unknown" and asset["flow_usd"] is not None],
        {asset["symbol"]: asset["large_session"] for asset in assets if asset["large_session"]},
    )
    _rank(sums, "inflow_rank", 1)
    _rank(sums, "outflow_rank", -1)
    for asset in assets:
        for key in _NOT_SHOWN:
            del asset[key]
    return sums


def is_flow_stale(source: PublishedData, window: Window) -> bool:
    """Whether prices are too old, or the newest known flow of a fund is over 7 days ago."""
    newest = window.newest_flow_session
    behind = newest is not None and is_past(source, newest, FLOW_LIMIT)
    return behind or is_stale(source, window.newest_session, fetched(source)[BARS.removeprefix("raw.")])


def coverage(source: PublishedData, sums: AssetSums) -> dict[str, Any]:
    """What is known of the window, and what is not."""
    investors = [asset for asset in sums.assets if asset["flow_method"] not in {"supply", "price_only"}]
    behind = [asset for asset in sums.assets if asset["last_session"] < sums.window.session]
    return {
        "n_assets": len(sums.assets),
        "n_with_known_flow": sum(asset["flow_usd"] is not None for asset in investors),
        "n_unknown": len(sums.unknown),
        "partly_known": sums.partly_known(),
        "newest_flow_session": sums.window.newest_flow_session,
        "unknown_lag": list(sums.unknown_lag),
        "large_flows": [{"symbol": symbol, "session": session} for symbol, session in sums.large.items()],
        "behind": [{key: asset[key] for key in ("symbol", "last_session")} for asset in behind],
        "fetched_at": fetched(source),
    }


def _rank(sums: AssetSums, key: str, sign: int) -> None:
    """Places from 1 by the size of flows of that sign; equal ones go by symbol."""
    ranked = [asset for asset in sums.assets if sums.counts(asset) and sign * asset["flow_usd"] > 0]
    ranked.sort(key=lambda asset: -abs(asset["flow_usd"]))
    places = {asset["symbol"]: place for place, asset in enumerate(ranked, start=1)}
    for asset in sums.assets:
        asset[key] = places.get(asset["symbol"])


def _unknown(assets: Sequence[Mapping[str, Any]], universe: Sequence[Asset]) -> list[dict[str, Any]]:
    stored = {asset["symbol"] for asset in assets}
    unknown = [{key: asset[key] for key in ("symbol", "name", "why")} for asset in assets if asset["why"]]
    missing = [asset for asset in universe if asset.symbol not in stored]
    return unknown + [
        {"symbol": asset.symbol, "name": asset.name, "why": "none of its prices is published"} for asset in missing
    ]


def _why(asset: Mapping[str, Any], setting: Asset | None) -> str:
    if asset["has_supply_revision"]:
        return "its supply was counted anew by more than 10 %, which is no flow"
    if setting is not None and setting.share_source == "none":
        return "no source of its shares outstanding is set, so its price alone is known"
    if asset["suspected_session"] is not None:
        return (
            f"its shares changed on {asset['suspected_session']} as by a split that nobody lists; core.share_splits "
            "has the line of splits.csv that settles it"
        )
    where = "" if setting is None else f" from {setting.share_source}"
    if setting is not None and setting.share_source == "supply":
        where = f" of {setting.share_id} from the market-cap part"
    figures = "market caps" if setting is not None and setting.share_source == "supply" else "shares outstanding"
    if asset["last_known_session"] is None:
        return f"no {figures}{where} are stored for two sessions in a row, so its price alone is known"
    return f"no {figures}{where} are stored for these sessions; its last known flow is of {asset['last_known_session']}"
