"""`plan`: what these settings will ask of each service, by what is stored and what is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from marketflows_pipeline.charts.style.wording import duration_text
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure, header
from marketflows_pipeline.cli.reports.uploads import of_uploads
from marketflows_pipeline.ingest.budget import EXCHANGE_KINDS_ASKED, EXCHANGES_ASSUMED
from marketflows_pipeline.ingest.market_caps.plan import histories_missing
from marketflows_pipeline.ingest.outlook import (
    Outlook,
    Sizes,
    most_tracked,
    outlook,
    requests_by_id,
    savings,
    with_coins,
)
from marketflows_pipeline.ingest.provider_claim import owner_of, refuse_another
from marketflows_pipeline.ingest.typical_cohort import typical_cohort
from marketflows_pipeline.providers.exchange_ids import DEFILLAMA_SLUGS
from marketflows_pipeline.providers.granularity import Granularity
from marketflows_pipeline.providers.http.ledger import month_of
from marketflows_pipeline.settings import EXCHANGE_PROVIDER, Settings, source_of
from marketflows_pipeline.transforms.market_caps.grid import GridSpec
from marketflows_pipeline.warehouse.published import Reading

METHOD = (
    "Calls at most, without retries; one call to the market-cap provider is one credit, the other services are free. "
    "The next run asks for what is fetched once, for an hour and for a day. A month has 744 hourly runs. Minutes are "
    "those of the calls at the plan's calls a minute, without drawing. Disk is history alone: derived tables come on "
    "top, and the published file is kept twice."
)
SOURCE = "The settings, and the formulas by which each run reserves its credits; nothing was requested."
TABLE_COLUMNS = (
    ColumnFormat("part", "part"),
    ColumnFormat("service", "provider"),
    ColumnFormat("endpoint", "endpoint"),
    ColumnFormat("what", "what"),
    ColumnFormat("next run", "next_run", 0),
    ColumnFormat("usual hour", "hour", 0),
    ColumnFormat("day, beside its hours", "day", 0),
)
_FOLLOWED = """
select distinct coin_id from accepted.market_caps
where ts >= (select max(ts) from accepted.market_caps) - interval 2 day
"""
_COHORT = """
select count(*) as n from accepted.cohort_members
where observed_at = (select max(observed_at) from accepted.cohort_members) and market_cap_usd > $limit
"""
_HAS_TABLE = "select 1 from information_schema.tables where table_schema = 'core' and table_name = $name"
_EXCHANGES = "select exchange_id, defillama_slug from core.exchanges"
# A range is called by its lower limit.
_LIMIT = "select min(try_cast(series as double)) as least from core.series where category = 'Ranges'"
_ANSWERED = "select distinct dataset, target from meta.fetches where outcome in ('complete', 'empty')"
_LISTED = "select arg_max(rows_served, attempted_at) as n from meta.fetches where dataset = 'listing'"
_SPENT = "select count(*) as n from meta.api_calls where provider = $provider and sent_at >= $month"
_PACKAGED_IDS = {slug: name for name, slug in reversed(list(DEFILLAMA_SLUGS.items()))}  # the first of two counts


@dataclass(frozen=True)
class Stored:
    """What is known from an earlier run.

    Attributes:
        source: which file says so; empty where there is none.
        followed: coins that are followed, the coins without their whole history apart in `missing`.
        n_cohort: coins above the smallest limit; None where none was stored, or the limit is lower now.
        n_listed: exchanges in the last full list.
        charts: exchanges whose volume chart is stored.
        chart_ids: the id by which a chart is requested, by id and by DefiLlama's slug; None where there is no chart.
        n_kinds: exchanges whose kind is stored.
        knows_categories: whether the list of categories is stored.
        spent: credits of this month.
    """

    source: str = ""
    followed: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    n_cohort: int | None = None
    n_listed: int | None = None
    charts: frozenset[str] = frozenset()
    chart_ids: Mapping[str, str | None] = field(default_factory=lambda: dict(_PACKAGED_IDS))
    n_kinds: int = 0
    knows_categories: bool = False
    spent: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether no coin was ever followed."""
        return not self.followed


def stored_facts(reading: Reading, settings: Settings, now: datetime, source: str, file: Path) -> Stored:
    """What a file tells about what is fetched already.

    Args:
        reading: the private or the published file, which have the same tables.
        settings: what is wanted.
        now: the present, aware.
        source: which file it is, in words.
        file: its path.

    Raises:
        UserInputError: if it is of another market-cap provider.
    """
    refuse_another(settings, owner_of(reading), file)
    days, limit = settings.source.days, min(settings.source.range_lower_limits, default=0.0)
    tracked = reading.frame(_FOLLOWED)
    wanted = with_coins(tracked, settings.source.coins_named)
    missing = histories_missing(
        wanted,
        reading.table("meta.backfills", ["coin_id", "granularity", "window_start", "window_end", "attempted_at",
                                         "outcome"]),
        granularity=Granularity.of_window(days),
        window_start=GridSpec.from_window(now, days).start,
        now=now,
    )  # fmt: skip
    n_cohort = reading.rows(_COHORT, {"limit": limit})[0]["n"]
    # A first run that has not come to its end left no series.
    least = reading.rows(_LIMIT)[0]["least"] if _has_core(reading, "series") else None
    # Coins above a limit that was higher then say nothing about how many exceed a lower one.
    is_known = least is not None and least <= limit
    answered = [(row["dataset"], row["target"]) for row in reading.rows(_ANSWERED)]
    spent = reading.rows(_SPENT, {"provider": settings.provider, "month": month_of(now)})[0]["n"]
    return Stored(
        source=source,
        followed=frozenset(wanted["coin_id"]) if tracked.height else frozenset(),
        missing=frozenset(missing["coin_id"]),
        n_cohort=n_cohort if is_known else None,
        n_listed=reading.rows(_LISTED)[0]["n"],
        charts=frozenset(target for dataset, target in answered if dataset == "volume_chart"),
        chart_ids=_chart_ids(reading),
        n_kinds=sum(dataset == "exchange" for dataset, _ in answered),
        knows_categories=bool(reading.rows("select 1 from accepted.category_names limit 1")),
        spent=spent,
    )


def _chart_ids(reading: Reading) -> dict[str, str | None]:
    """What the map of exchange ids says, where a run has made it, before what is packaged."""
    known = reading.rows(_EXCHANGES) if _has_core(reading, "exchanges") else []
    by_slug = {row["defillama_slug"]: row["exchange_id"] for row in known}
    by_id = {row["exchange_id"]: row["exchange_id"] for row in known}
    return {name: known_id for name, known_id in (_PACKAGED_IDS | by_slug | by_id).items() if name is not None}


def _has_core(reading: Reading, name: str) -> bool:
    """Whether a run has come as far as this table."""
    return bool(reading.rows(_HAS_TABLE, {"name": name}))


def sizes_of(settings: Settings, stored: Stored) -> Sizes:
    """How much there is to ask for, by what is stored, else by what is usual."""
    source, exchanges = settings.source, settings.exchanges
    assumed: list[str] = []
    n_cohort = stored.n_cohort or 0
    if source.uses_ranges and stored.n_cohort is None:
        limit = min(source.range_lower_limits)
        n_cohort = typical_cohort(limit)
        assumed.append(f"{n_cohort:,} coins exceed {limit:,.0f} USD, which is a typical count")
    is_new = stored.is_empty or (source.uses_ranges and stored.n_cohort is None)
    n_tracked = most_tracked(settings, n_cohort) if is_new else len(stored.followed)
    if is_new and (source.uses_ranges or source.narratives_in_use):
        assumed.append(f"{n_tracked:,} coins are followed, were no coin a member of two groups")
    n_missing = len(stored.missing) + (n_tracked - len(stored.followed) if is_new else 0)
    n_listed, n_charts, n_kinds, n_reserves = 0, 0, 0, 0
    if exchanges is not None:
        n_listed = EXCHANGES_ASSUMED if stored.n_listed is None else stored.n_listed
        # Charts of exchanges tracked no more spare no request; one tracked by its slug has its chart by its id.
        n_charts = len({stored.chart_ids.get(name, name) for name in exchanges.tracked} - stored.charts - {None})
        n_kinds = max(min(EXCHANGE_KINDS_ASKED, n_listed) - stored.n_kinds, 0)
        n_reserves = len(exchanges.tracked)
        if stored.n_listed is None:
            assumed.append(f"{n_listed:,} exchanges are listed")
        assumed.append("every tracked exchange has a volume chart and known reserves")
    return Sizes(
        n_tracked=n_tracked,
        n_cohort=n_cohort,
        n_without_history=n_missing,
        n_listed_exchanges=n_listed,
        n_charts=n_charts,
        n_kinds=n_kinds,
        n_reserves=n_reserves,
        n_requests_by_id=requests_by_id(settings),
        needs_category_list=not stored.knows_categories,
        assumptions=tuple(assumed),
    )


def plan_report(settings: Settings, stored: Stored, now: datetime) -> Report:
    """The report of `plan`."""
    sizes = sizes_of(settings, stored)
    expected = outlook(settings, sizes, spent=stored.spent, now=now)
    entries = [asdict(family) | {"next_run": family.next_run} for family in expected.families]
    lower = [
        {"key": key, "set_to": what, "saves_a_month": saved}
        for key, what, saved in savings(settings, sizes)
        if not expected.is_enough
    ]
    uploaded, of_upload = of_uploads(settings, settings.warehouse.path)
    body: dict[str, Any] = {
        **header(now, now),
        "stored": stored.source or None,
        "assumptions": list(sizes.assumptions),
        "coins_followed": sizes.n_tracked,
        "families": entries,
        "credits": {
            "provider": settings.provider,
            "next_run": expected.first_run,
            "hour": expected.hour,
            "day": expected.day,
            "month": expected.month,
            "this_month": expected.this_month,
            "spent": expected.spent,
            "monthly_credits": expected.limit,
            "suffices": expected.is_enough,
            "suffices_this_month": expected.is_enough_now,
        },
        "minutes_of_next_run": expected.minutes,
        "disk": {"next_run_bytes": expected.first_bytes, "month_bytes": expected.month_bytes},
        **uploaded,
        "lower": lower,
        "cannot": list(settings.source.shortcomings),
        "no_exchanges": settings.no_exchanges or None,
        "source": SOURCE,
        "method": METHOD,
        "coverage": None,
    }
    return Report(
        "Plan",
        body,
        entries,
        (),
        TABLE_COLUMNS,
        summary=(*_lines(settings, expected), *(f"Lower {each['key']}: {each['set_to']}; saves "
                                                f"{each['saves_a_month']:,} credits a month." for each in lower)),
        footnotes=(
            f"What is stored already is by {stored.source}." if stored.source else "Nothing is stored yet.",
            *(f"Assumed: {words}." for words in sizes.assumptions),
            *settings.source.shortcomings,
            *_of_exchanges(settings, expected),
            *filter(None, [of_upload]),
        ),
        warnings=tuple(_no_key(settings)),
    )  # fmt: skip


def _lines(settings: Settings, expected: Outlook) -> list[str]:
    if not settings.source.makes_requests:
        return [
            f"Nothing is requested of {settings.provider}, and nothing counted. Next run: "
            f"{figure(expected.first_bytes, 1, ' MB', 1e6)} of history; usual: "
            f"{figure(expected.month_bytes, 1, ' MB', 1e6)} a month."
        ]
    took = duration_text(timedelta(minutes=expected.minutes))
    suffices = "suffices" if expected.is_enough else "does NOT suffice"
    lines = [
        f"Next run: {expected.first_run:,} credits, {took} at {settings.source.calls_per_minute:,} calls a minute, "
        f"{figure(expected.first_bytes, 1, ' MB', 1e6)} of history.",
        f"Usual: {expected.hour:,} credits an hour and {expected.day:,} a day beside: {expected.month:,} a month, "
        f"{figure(expected.month_bytes, 1, ' MB', 1e6)} of history.",
        f"The month's {expected.limit:,} credits of plan {settings.source.plan!r}: that {suffices}.",
    ]
    if not expected.is_enough_now:
        lines.append(
            f"This month {expected.spent:,} are spent and {expected.this_month:,} wanted: histories wait for the next "
            "one, and answers go on from what is stored once all are used up."
        )
    return lines


def _of_exchanges(settings: Settings, expected: Outlook) -> list[str]:
    """What the exchange part asks of an account of its own, or why it is off; nothing where it shares one."""
    if settings.exchanges is None or settings.is_one_account:
        return [f"{settings.no_exchanges[0].upper()}{settings.no_exchanges[1:]}."] if settings.no_exchanges else []
    own = [family for family in expected.families if family.provider == EXCHANGE_PROVIDER]
    hour, day = sum(family.hour for family in own), sum(family.day for family in own)
    source = source_of(EXCHANGE_PROVIDER, settings.providers)
    return [
        f"Exchanges ask {source.service} beside: {hour:,} credits an hour and {day:,} a day, of "
        f"{source.monthly_credits:,} a month."
    ]


def _no_key(settings: Settings) -> list[str]:
    if settings.secrets.of(settings.provider) is not None or settings.source.is_keyless:
        return []
    return [f"plan {settings.source.plan!r} needs a key, and there is none yet: no run can begin"]
