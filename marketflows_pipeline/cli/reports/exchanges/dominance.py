"""`exchange-dominance`: how concentrated trading, or what exchanges hold, is."""

from __future__ import annotations

from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.report.ages import HOURLY_LIMIT

# How many exchanges a footnote names.
NAMED = 6

METHOD = (
    "Shares are over all exchanges of the segment that were measured, however many are shown. hhi_index is the sum of "
    "squared shares in % (10,000 is a monopoly), effective_exchanges 10,000 over it; market_concentration follows from "
    "hhi_thresholds of the settings, and systemic_risk is a heuristic that says the same in other words. The bounds "
    "allow for spot volume that was not measured; for other measures none is claimed. hhi_30d_ago and hhi_change_30d "
    "are over the exchanges measured on both days; over time, charts are of those measured on 90 % of 90 days."
)
SOURCE = "Data provided by CoinGecko (https://www.coingecko.com): spot volume; DefiLlama (https://defillama.com): rest."

CSV_COLUMNS = (
    "rank", "exchange", "exchange_id", "market_dominance_pct", "value", "value_unit", "volume_24h_btc", "trust_score",
    "country", "year_established",
)  # fmt: skip

METRICS = (
    "top_1_dominance_pct", "top_3_dominance_pct", "top_5_dominance_pct", "hhi_index", "market_concentration",
    "systemic_risk", "effective_exchanges", "hhi_lower_bound", "hhi_upper_bound", "uncovered_pct", "hhi_30d_ago",
    "hhi_change_30d", "n_compared",
)  # fmt: skip

# Words for each degree: what it means, and what one may do about it.
_WORDS = {
    "highly_concentrated": (
        "a few exchanges carry most of it, and trouble at one of them would be felt widely",
        "consider spreading activity over several exchanges",
    ),
    "moderately_concentrated": (
        "some exchanges weigh heavily, and others could take their place",
        "keep an eye on the largest exchanges",
    ),
    "competitive": (
        "many exchanges share it, and none is without a substitute",
        "nothing in these shares calls for a change",
    ),
}

_SHARES = """
select s.name as exchange, s.exchange_key as exchange_id, f.volume_24h_btc, s.share_pct as market_dominance_pct,
       f.trust_score, f.country, f.year_established, s.rank, s.value
from mart.exchange_shares s
left join mart.exchange_flows f on f.exchange_id = s.exchange_key
where s.measure = $measure and s.segment = $segment and s.day = $day
order by s.rank
limit $limit
"""
_NEWEST = f"""
select day, ts, n_exchanges, {", ".join(METRICS)}
from mart.exchange_dominance
where measure = $measure and segment = $segment
order by day desc limit 1
"""
_NOT_COMPARED = """
select coalesce(now.name, before.name) as exchange, exchange_key as exchange_id,
       now.share_pct as market_dominance_pct, before.share_pct as market_dominance_30d_ago_pct
from (from mart.exchange_shares where measure = $measure and segment = $segment and day = $day) now
full join (
    from mart.exchange_shares where measure = $measure and segment = $segment and day = $day::date - 30
) before using (exchange_key)
where now.share_pct is null or before.share_pct is null
order by coalesce(now.share_pct, before.share_pct) desc, exchange_key
"""
_OUTSIDE = """
select name as exchange, exchange_key as exchange_id, days_measured, days_in_window, mean_share_pct
from mart.exchange_members where measure = $measure and segment = $segment and not is_member
order by mean_share_pct desc, exchange_key
"""
_EACH = """
select measure, segment, day, n_exchanges, hhi_index, effective_exchanges, market_concentration
from mart.exchange_dominance
qualify row_number() over (partition by measure, segment order by day desc) = 1
order by measure, segment
"""


def exchange_dominance(data: PublishedData, measure: str, segment: str | None, limit: int) -> Report:
    """The report of `exchange-dominance`; at most `limit` exchanges are listed, figures are over all.

    By default the segment is all for spot volume, and centralised for the others, which only those have.

    Raises:
        UserInputError: if nothing of that measure is known for the segment.
    """
    data.require("mart.exchange_dominance")
    asked = {"measure": measure, "segment": segment or ("all" if measure == "spot_volume" else "centralised")}
    each = data.rows(_EACH)
    newest = data.row(_NEWEST, asked)
    if not newest:
        known = ", ".join(f"{row['measure']} of {row['segment']}" for row in each)
        raise UserInputError(
            f"nothing is known of {asked['measure']} of {asked['segment']} exchanges; there is: {known}"
        )
    unit = "BTC" if measure == "spot_volume" else "USD"
    exchanges = data.rows(_SHARES, {**asked, "day": newest["day"], "limit": limit})
    for row in exchanges:
        row["value_unit"] = unit
        if unit == "BTC":
            row["volume_24h_btc"] = row["value"]
        else:
            row["value"] = round(row["value"], 2)
    metrics = {name: newest[name] for name in METRICS}
    is_compared = newest["n_compared"] is not None
    without = data.without_reserves()
    body: dict[str, Any] = {
        **data.header(newest["ts"], stale=data.is_stale(newest["ts"], HOURLY_LIMIT)),
        **asked,
        "data_day": newest["day"],
        "exchanges": exchanges,
        "concentration_metrics": metrics,
        "interpretation": _interpretation(metrics),
        "concentration_by_measure": each,
        "source": data.credit(SOURCE),
        "method": METHOD,
        "coverage": {
            "n_exchanges": newest["n_exchanges"],
            "uncovered_pct": newest["uncovered_pct"],
            "largest_without_reserves": without,
            "outside_the_fixed_set": data.rows(_OUTSIDE, asked) if data.has("mart.exchange_members") else [],
            "not_compared": data.rows(_NOT_COMPARED, {**asked, "day": newest["day"]}) if is_compared else [],
        },
    }
    title = f"Exchange dominance by {measure.replace('_', ' ')} ({asked['segment']} exchanges)"
    return Report(title, body, exchanges, CSV_COLUMNS, _shown(unit), _summary(metrics), _footnotes(body["coverage"]))


def _interpretation(metrics: dict[str, Any]) -> dict[str, str]:
    meaning, advice = _WORDS[metrics["market_concentration"]]
    return {
        "concentration": metrics["market_concentration"],
        "risk_assessment": f"{metrics['systemic_risk'].upper()} systemic risk (heuristic): {meaning}",
        "recommendation": advice,
    }


def _shown(unit: str) -> tuple[ColumnFormat, ...]:
    value = (
        ColumnFormat("volume 24 h (BTC)", "value", 0)
        if unit == "BTC"
        else ColumnFormat("value (M USD)", "value", 1, 1e6)
    )
    return (
        ColumnFormat("#", "rank", 0),
        ColumnFormat("exchange", "exchange"),
        ColumnFormat("share (%)", "market_dominance_pct", 2),
        value,
        ColumnFormat("trust", "trust_score", 1),
        ColumnFormat("country", "country"),
    )


def _summary(metrics: dict[str, Any]) -> tuple[str, ...]:
    bounds = ""
    if metrics["hhi_upper_bound"] is not None:
        bounds = f" ({figure(metrics['hhi_lower_bound'], 0)} to {figure(metrics['hhi_upper_bound'], 0)})"
    tops = ", ".join(f"top {n} {figure(metrics[f'top_{n}_dominance_pct'], 2, ' %')}" for n in (1, 3, 5))
    return (
        f"HHI {figure(metrics['hhi_index'], 0)}{bounds}: {metrics['market_concentration'].replace('_', ' ')}; as "
        f"concentrated as {figure(metrics['effective_exchanges'], 1)} equal exchanges",
        f"Shares: {tops}; HHI change over 30 days: {_change(metrics)}",
    )


def _change(metrics: dict[str, Any]) -> str:
    if metrics["n_compared"] is None:
        return "unknown"
    return f"{figure(metrics['hhi_change_30d'], 0)} among the {metrics['n_compared']:,} exchanges measured on both days"


def _footnotes(coverage: dict[str, Any]) -> tuple[str, ...]:
    names = ", ".join(row["exchange"] for row in coverage["largest_without_reserves"]) or "none"
    return (
        f"Coverage: {coverage['n_exchanges']:,} exchanges measured; spot volume outside of them: "
        f"{figure(coverage['uncovered_pct'], 2, ' %')}; large exchanges without known reserves: {names}.",
        *_left_out("Left out of the change over 30 days, not measured on both days", coverage["not_compared"]),
        *_left_out("Left out of what is followed over time, as charts do", coverage["outside_the_fixed_set"]),
    )


def _left_out(what: str, rows: list[dict[str, Any]]) -> tuple[str, ...]:
    names = ", ".join(row["exchange"] for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED:,} more" if len(rows) > NAMED else ""
    return (f"{what}: {names}{more}.",) if rows else ()
