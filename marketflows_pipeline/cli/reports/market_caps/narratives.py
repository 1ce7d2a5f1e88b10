"""`narratives`: which categories there are, what they did lately against their own past, and how to follow one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.report.ages import DAILY_LIMIT
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches
from marketflows_pipeline.transforms.market_caps.category_slugs import todays_slug

RADAR = "mart.category_radar"

METHOD = (
    "cap_change_pct and volume_change_pct compare sums of a category, as the service gives them or as its list of "
    "coins adds up, at the last snapshots of two UTC "
    "days (before_at, observed_at), 1, 7 or 30 days apart. zscore and percentile are among the category's own past "
    "changes over as many days (n_past_cap_changes of them, overlapping; null under 20). The service sums the "
    "members of the moment: who joins or leaves changes the sum, categories overlap, and a change of market cap is "
    "mostly one of price. These are no index levels and are never mixed with them. kind is by the words of the name; "
    "near_duplicate_of compares the three largest coins alone, so it is coarse."
)

CSV_COLUMNS = (
    "rank", "category_id", "name", "kind", "is_followed", "period_days", "market_cap_usd", "volume_24h_usd",
    "cap_change_pct", "cap_change_zscore", "cap_change_percentile_pct", "n_past_cap_changes", "volume_change_pct",
    "volume_change_zscore", "volume_change_percentile_pct", "n_past_volume_changes", "rank_change",
    "near_duplicate_of", "jaccard", "reason", "before_at", "observed_at",
)  # fmt: skip
TABLE_COLUMNS = (
    ColumnFormat("#", "rank", 0),
    ColumnFormat("category", "category_id"),
    ColumnFormat("kind", "kind"),
    ColumnFormat("cap (B USD)", "market_cap_usd", 2, 1e9),
    ColumnFormat("change (%)", "cap_change_pct", 2),
    ColumnFormat("z-score", "cap_change_zscore", 2),
    ColumnFormat("percentile", "cap_change_percentile_pct", 0),
    ColumnFormat("past", "n_past_cap_changes", 0),
    ColumnFormat("volume (%)", "volume_change_pct", 1),
    ColumnFormat("places", "rank_change", 0),
    ColumnFormat("near duplicate of", "near_duplicate_of"),
)

_SELECT = f"""
select {", ".join(name for name in CSV_COLUMNS if name != "is_followed")}
from mart.category_radar where period_days = $days
order by abs(cap_change_zscore) desc nulls last, abs(cap_change_pct) desc nulls last, category_id
"""
_DEPTH = """
select count(distinct cast(observed_at as date)) as n_days, min(observed_at) as first_at
from accepted.category_snapshots
"""


def narratives(data: PublishedData, days: int, *, like: str | None, kind: str | None, limit: int) -> Report:
    """The report of `narratives`: categories over `days`, the most unusual first.

    Raises:
        UserInputError: if no category is like what is searched for.
    """
    data.require(RADAR)
    everything = data.rows(_SELECT, {"days": days})
    listed = {row["category_id"]: row["name"] for row in everything}
    source = data.context.config.source
    followed = [todays_slug(slug, listed, {}) or slug for slug in source.narratives]
    for row in everything:
        row["is_followed"] = row["category_id"] in followed
    found = everything if like is None else _like(everything, like)
    found = [row for row in found if kind is None or row["kind"] == kind]
    shown = found[:limit]
    as_of = data.as_of(RADAR)
    follow = _follow(data, source.narratives, shown if like is not None else ())
    body: dict[str, Any] = {
        **data.header(as_of, stale=data.is_stale_by_market_caps(as_of, DAILY_LIMIT)),
        "days": days,
        "like": like,
        "kind": kind,
        "categories": [{key: row[key] for key in CSV_COLUMNS} for row in shown],
        "num_found": len(found),
        "num_shown": len(shown),
        "followed": followed,
        "follow": follow,
        "source": data.credit(f"{data.market_source}: categories, once a UTC day."),
        "method": METHOD,
        "coverage": {
            "n_categories": len(everything),
            **data.row(_DEPTH),
            "n_without_change": sum(row["cap_change_pct"] is None for row in everything),
            "n_without_zscore": sum(row["cap_change_zscore"] is None for row in everything),
        },
    }
    return Report(
        f"Categories over {counted(days, 'day')}, the most unusual first",
        body,
        body["categories"],
        CSV_COLUMNS,
        TABLE_COLUMNS,
        _summary(body),
        _footnotes(body),
    )


def _like(rows: Sequence[dict[str, Any]], wanted: str) -> list[dict[str, Any]]:
    """Rows with the words in slug or name; parts of words where no whole word is found."""
    called = {row["category_id"]: (row["category_id"].replace("-", " "), row["name"]) for row in rows}
    spelled = " ".join(wanted.lower().replace("-", " ").split())
    for is_whole_word in (True, False):
        near = near_matches(spelled, called, len(called), is_whole_word=is_whole_word)
        found = {key for key in near if spelled in f"{called[key][0]} {called[key][1]}".lower()}
        if found:
            return [row for row in rows if row["category_id"] in found]
    near = near_matches(spelled, called)
    raise UserInputError(
        f'no category is like "{wanted}"' + did_you_mean([f"{key} ({called[key][1]})" for key in near])
    )


def _follow(
    data: PublishedData, narratives: Sequence[str], found: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The line of config.toml that follows the first category found that is not followed yet."""
    new = next((row["category_id"] for row in found if not row["is_followed"]), None)
    if new is None:
        return None
    return {
        "category_id": new,
        "config_table": f"[providers.{data.context.config.provider}]",
        "config_line": f"narratives = {json.dumps([*narratives, new], ensure_ascii=False)}",
    }


def _summary(body: Mapping[str, Any]) -> tuple[str, ...]:
    lines = [f"{body['num_shown']:,} of {body['num_found']:,} found; followed: {', '.join(body['followed']) or 'none'}"]
    if follow := body["follow"]:
        lines.append(f"To follow {follow['category_id']}, under {follow['config_table']}: {follow['config_line']}")
    return tuple(lines)


def _footnotes(body: Mapping[str, Any]) -> tuple[str, ...]:
    coverage = body["coverage"]
    notes = [f"Coverage: {coverage['n_categories']:,} categories; snapshots of {coverage['n_days']:,} days are stored."]
    if coverage["n_without_zscore"]:
        reasons = sorted({row["reason"] for row in body["categories"] if row["reason"]})
        why = f", since {'; '.join(reasons)}" if reasons else ""
        notes.append(
            f"Of {coverage['n_without_change']:,} the change, of {coverage['n_without_zscore']:,} the unusualness is "
            f"{figure(None)}{why}."
        )
    return tuple(notes)
