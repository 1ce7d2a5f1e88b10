"""`fresh-money`: issuance of stablecoins, creations of funds, net flow of exchanges, side by side and never added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from marketflows_pipeline.cli.reports.cross_asset.asset_sums import FLOWS, is_flow_stale, unit_flows
from marketflows_pipeline.cli.reports.cross_asset.flows import ISSUANCE
from marketflows_pipeline.cli.reports.cross_asset.provenance import coins_source, credit, is_synthetic
from marketflows_pipeline.cli.reports.exchanges.classes import BY_CLASS, records_by_class
from marketflows_pipeline.cli.reports.published_data import PublishedData, no_data
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, moment
from marketflows_pipeline.report.ages import DAILY_LIMIT, RECORD_LIMIT
from marketflows_pipeline.report.credits import BARS, SHARES
from marketflows_pipeline.transforms.cross_asset.flow_windows import ASSET, COINS, WINDOWS, newest_windows, unit_name
from marketflows_pipeline.transforms.cross_asset.stablecoins import issuance_by_span
from marketflows_pipeline.transforms.exchanges.netflow_sums import sum_by_class

METHOD = (
    "Each line is a measure of its own, and no two are added: a new stablecoin that is sent to an exchange and pays "
    "for bitcoin is in three of them. Stablecoins and exchanges are over the last 1, 7 and 30 days, funds over 1, 5 "
    "and 21 trade sessions, each up to its own newest day (to_day). What is known is summed; null where nothing is."
)
CAVEATS = {
    "stablecoin_issuance": (
        "Stablecoin issuance is a change of supply at a dollar a coin: who holds the new coins is unknown."
    ),
    "fund_creations": (
        "Fund creations are shares created less those redeemed, on the session of the orders; a creation may hedge a "
        "short sale as well as serve a buyer."
    ),
    "exchange_stablecoins": (
        "Net flow of stablecoins is of wallets that DefiLlama knows: what comes in could buy, and has bought nothing."
    ),
    "exchange_coins": (
        "Net flow of coins is of the same wallets: what comes in may be for sale, a pledge, or a move between wallets."
    ),
}
_DEFILLAMA = "DefiLlama (https://defillama.com)"
DAYS = (1, 7, 30)

CSV_COLUMNS = (
    "measure", "of", "day_usd", "week_usd", "month_usd", "spans", "to_day", "as_of", "stale", "source", "reason",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("measure", "measure"),
    ColumnFormat("of", "of"),
    ColumnFormat("a day (M USD)", "day_usd", 1, 1e6),
    ColumnFormat("a week (M USD)", "week_usd", 1, 1e6),
    ColumnFormat("a month (M USD)", "month_usd", 1, 1e6),
    ColumnFormat("over", "spans"),
    ColumnFormat("to", "to_day"),
)

_SPANS = ("day_usd", "week_usd", "month_usd")
_IN_DAYS = "1, 7, 30 days"
_IN_SESSIONS = "1, 5, 21 sessions"


def fresh_money(data: PublishedData) -> Report:
    """The report of `fresh-money`.

    Raises:
        MarketflowsError: if nothing of it is published yet.
    """
    lines = [line for lines_of in (_stablecoins, _funds, _exchanges) for line in lines_of(data)]
    known = [line for line in lines if line["reason"] is None]
    if not known:
        raise no_data(data.context)
    times = [line["as_of"] for line in known if line["as_of"] is not None]
    missing = [{key: line[key] for key in ("measure", "of", "reason")} for line in lines if line["reason"]]
    body: dict[str, Any] = {
        **data.header(min(times, default=None), stale=any(line["stale"] for line in known)),
        "synthetic": is_synthetic(data),
        "measures": [{**line, "caveat": CAVEATS[line["measure"]]} for line in lines],
        "source": data.credit("; ".join(dict.fromkeys(line["source"] for line in known)) + "."),
        "method": METHOD,
        "coverage": {"n_measures": len(known), "without_data": missing},
    }
    return Report(
        "Fresh money by measure, never added up",
        body,
        lines,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        tuple(_as_of_lines(known)),
        (
            *(CAVEATS[name] for name in dict.fromkeys(line["measure"] for line in known)),
            *(f"{line['measure']}: {line['reason']}." for line in missing),
        ),
    )


def _line(measure: str, of: str, **figures: object) -> dict[str, Any]:
    return {**dict.fromkeys(CSV_COLUMNS), "stale": False, **figures, "measure": measure, "of": of}


def _stablecoins(data: PublishedData) -> Iterator[dict[str, Any]]:
    measure = "stablecoin_issuance"
    if not data.has(ISSUANCE):
        reason = _why_not(data, "cross_asset", "no stablecoin")
        yield _line(measure, "coins followed", spans=_IN_DAYS, reason=reason, source=coins_source(data))
        return
    issuance = data.table(ISSUANCE, ("coin_id", "day", "supply", "issuance_usd"))
    # The newest day may still be under way.
    until = max(issuance["day"]) - timedelta(days=1)
    as_of = data.as_of("raw.market_caps")
    yield _line(
        measure,
        f"{issuance['coin_id'].n_unique():,} followed",
        **dict(zip(_SPANS, issuance_by_span(issuance, DAYS, until=until), strict=True)),
        spans=_IN_DAYS,
        to_day=until,
        as_of=as_of,
        stale=data.is_stale_by_market_caps(as_of, DAILY_LIMIT),
        source=coins_source(data),
    )


def _funds(data: PublishedData) -> Iterator[dict[str, Any]]:
    measure = "fund_creations"
    if not data.has(FLOWS):
        yield _line(measure, "all funds", spans=_IN_SESSIONS, reason=_why_not(data, "cross_asset", "no fund"))
        return
    windows, sums = unit_flows(data)
    source = credit(data, BARS, SHARES).removeprefix(data.context.part.synthetic_note).removesuffix(".")
    by_unit: dict[str, dict[int, float | None]] = {}
    for row in newest_windows(windows).to_dicts():
        if row["kind"] != COINS and row["level"] != ASSET:
            by_unit.setdefault(unit_name(row), {})[row["window_sessions"]] = row["flow_usd"]
    for name, flows in sorted(by_unit.items()):
        yield _line(
            measure,
            name,
            **{span: flows[window] for span, window in zip(_SPANS, WINDOWS, strict=True)},
            spans=_IN_SESSIONS,
            to_day=sums.window.session,
            as_of=data.as_of(BARS),
            stale=is_flow_stale(data, sums),
            source=source,
        )


def _exchanges(data: PublishedData) -> Iterator[dict[str, Any]]:
    as_of, to_day = data.as_of(BY_CLASS), None
    by_class: dict[str, list[float | None]] = {}
    for place, days in enumerate(DAYS):
        records = records_by_class(data, days)
        to_day = max((record["day"] for record in records), default=None)
        for sums in sum_by_class(records):
            by_class.setdefault(sums["asset_class"], [None for _ in DAYS])[place] = sums["netflow_mid_usd"]
    if not by_class:
        reason = _why_not(data, "exchanges", "no reserves by token")
        yield _line("exchange_stablecoins", "tracked exchanges", spans=_IN_DAYS, reason=reason, source=_DEFILLAMA)
        return
    for name, known in sorted(by_class.items(), key=lambda item: item[0] != "stablecoins"):
        yield _line(
            "exchange_stablecoins" if name == "stablecoins" else "exchange_coins",
            name,
            **dict(zip(_SPANS, known, strict=True)),
            spans=_IN_DAYS,
            to_day=to_day,
            as_of=as_of,
            stale=data.is_stale(as_of, RECORD_LIMIT),
            source=_DEFILLAMA,
        )


def _why_not(data: PublishedData, table: str, what: str) -> str:
    if getattr(data.context.config, table) is None:
        return f"config.toml has no table [{table}]"
    return f"{what} is published yet"


def _as_of_lines(known: list[dict[str, Any]]) -> Iterator[str]:
    """As-of and source of each measure, once."""
    said: dict[str, Mapping[str, Any]] = {line["measure"]: line for line in known}
    for name, line in said.items():
        as_of: datetime | None = line["as_of"]
        yield f"{name}: as of {moment(as_of)}{', stale' if line['stale'] else ''}; {line['source']}"
