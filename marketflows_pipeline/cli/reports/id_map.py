"""`ids map`: which id of another provider is proposed for each coin, and what could not be mapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, header
from marketflows_pipeline.options import ProviderName
from marketflows_pipeline.settings import Settings, source_of
from marketflows_pipeline.settings.writing import id_map_text

Entries: TypeAlias = Sequence[Mapping[str, Any]]

METHOD = (
    "Contract: both providers name the same contract, its address compared in lower case, on Solana exactly. Symbol "
    "and name: without any contract, both the same and unique at both providers, prices at most 2 % and market caps at "
    "most 20 % apart. Anything else is not mapped."
)
CSV_COLUMNS = ("coin_id", "other_id", "other_name", "rule", "reason")
TABLE_COLUMNS = (
    ColumnFormat("coin", "coin_id"),
    ColumnFormat("id there", "other_id"),
    ColumnFormat("name there", "other_name"),
    ColumnFormat("by", "rule"),
    ColumnFormat("why not", "reason"),
)


def id_map_report(
    settings: Settings, own: ProviderName, other: ProviderName, entries: Entries, now: datetime
) -> Report:
    """The report of `ids map`.

    Args:
        settings: whose coins were mapped.
        own: provider of their ids.
        other: provider of the proposed ids.
        entries: a row a coin, of ``ID_MAP``.
        now: when the providers were asked, aware.
    """
    mapped = [entry for entry in entries if entry["other_id"] is not None]
    body: dict[str, Any] = {
        **header(now, now),
        "from": own,
        "to": other,
        "coins": entries,
        "mapped": len(mapped),
        "config": lines_to_paste(settings, own, other, entries),
        "source": f"Lists, contracts and figures of {own} and {other}, requested now.",
        "method": METHOD,
        "coverage": {"mapped": len(mapped), "coins": len(entries)},
    }
    left = [entry["coin_id"] for entry in entries if entry["other_id"] is None]
    return Report(
        f"Ids of {other}",
        body,
        entries,
        CSV_COLUMNS,
        TABLE_COLUMNS,
        headline=f"{len(mapped)} of {counted(len(entries), 'coin')} of {own} found at {other}",
        footnotes=(f"Not mapped, and left out of the lines below: {', '.join(left)}.",) if left else (),
    )


def lines_to_paste(settings: Settings, own: ProviderName, other: ProviderName, entries: Entries) -> str:
    """Lines of config.toml with what could be mapped."""
    source = source_of(own, settings.providers)
    ids = {entry["coin_id"]: entry["other_id"] for entry in entries if entry["other_id"] is not None}
    return id_map_text(
        own, other, ids, source.portfolios_in_use, source.coin_bases, is_checked=own == settings.provider
    )
