"""`movers`: what moved the market caps of coins and of series, by price, supply and membership."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marketflows_pipeline.charts.style.wording import counted
from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.cli.reports.report import ColumnFormat, Report, figure
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.report.ages import DAILY_LIMIT
from marketflows_pipeline.transforms.market_caps.cap_movers import SUPPLY_DAYS, By, coin_movers, series_movers

METHOD = (
    "Sums of daily effects: price is supply before times change of price; supply is price times change of supply (the "
    "median of market cap / price over 7 closes), printed over 7 days or more; a large supply step is one above 10 % "
    "of a coin that is not pegged: a size class, no proof of a new count, confirmed where the pages' own circulating "
    "supply moved with it. The rest is timing of caps and prices (below 7 days supply too). All add up to the change. "
    "Members of a series are those of the close before; who comes and goes counts at the cap of that day. No effect is "
    "money that came in."
)

_EFFECTS = (
    "market_cap_before_usd", "market_cap_usd", "change_usd", "change_pct", "price_effect_usd", "supply_effect_usd",
    "large_supply_step_usd",
)  # fmt: skip
COIN_COLUMNS = ("coin_id", "symbol", "name", *_EFFECTS, "is_confirmed", "rest_usd", "days_known")
SERIES_COLUMNS = (
    "category", "series", "label", *_EFFECTS, "rest_usd", "membership_usd", "arrivals_usd", "departures_usd",
    "days_known",
)  # fmt: skip

_COINS, _TOTALS = "mart.cap_attribution", "mart.cap_attribution_totals"
_OF_COIN = (
    "coin_id", "ts", "market_cap_usd", "change_usd", "price_effect_usd", "supply_effect_usd", "large_supply_step_usd",
    "timing_usd", "is_confirmed",
)  # fmt: skip
_OF_SERIES = (
    "category", "series", "ts", "market_cap_before_usd", "market_cap_usd", "change_usd", "price_effect_usd",
    "supply_effect_usd", "large_supply_step_usd", "timing_usd", "arrivals_usd", "departures_usd",
)  # fmt: skip
_NAMES = "select coin_id, upper(symbol) as symbol, name from accepted.coins"
_LABELS = "select category, series, label from core.series"


@dataclass(frozen=True)
class Asked:
    """What the command line asks for; of coins, unless a category or a series is named."""

    by: By
    days: int
    category: str | None
    series: str | None
    limit: int

    @property
    def of_series(self) -> bool:
        """Whether series are listed rather than coins."""
        return bool(self.category or self.series) or self.by == "membership"


def movers(data: PublishedData, asked: Asked) -> Report:
    """The report of `movers`.

    Raises:
        UserInputError: if no series goes by that key or label.
    """
    data.require(_COINS)
    rows = _series(data, asked) if asked.of_series else _coins(data, asked)
    entries = rows[: asked.limit]
    as_of = data.as_of(_TOTALS if asked.of_series else _COINS)
    short = [row for row in rows if row["days_known"] < asked.days]
    body: dict[str, Any] = {
        **data.header(as_of, stale=data.is_stale_by_market_caps(as_of, DAILY_LIMIT)),
        "by": asked.by,
        "days": asked.days,
        "movers": entries,
        "source": data.credit(f"{data.market_source}: market caps, prices, lists of members."),
        "method": METHOD,
        "coverage": {
            "n_listed": len(rows),
            "n_shown": len(entries),
            "known_for_fewer_days": [
                {"name": _called(row), "days_known": row["days_known"]} for row in short if row in entries
            ],
        },
    }
    days = counted(asked.days, "day")
    what = "series" if asked.of_series else "coins"
    return Report(
        f"What moved the market caps of {what} over {days}",
        body,
        entries,
        SERIES_COLUMNS if asked.of_series else COIN_COLUMNS,
        _shown(asked),
        headline=_headline(entries, asked, days),
        footnotes=_footnotes(rows, entries, short),
    )


def _coins(data: PublishedData, asked: Asked) -> list[dict[str, Any]]:
    names = {row["coin_id"]: row for row in data.rows(_NAMES)}
    found = coin_movers(data.table(_COINS, _OF_COIN), asked.days, asked.by).to_dicts()
    return [row | {key: names.get(row["coin_id"], {}).get(key) for key in ("symbol", "name")} for row in found]


def _series(data: PublishedData, asked: Asked) -> list[dict[str, Any]]:
    labels = {(row["category"], row["series"]): row["label"] for row in data.rows(_LABELS)}
    # A range that is no longer in the settings has no label.
    found = [
        row | {"label": labels.get((row["category"], row["series"]), row["series"])}
        for row in series_movers(data.table(_TOTALS, _OF_SERIES), asked.days, asked.by).to_dicts()
        if asked.category in {None, row["category"]}
    ]
    if asked.series is None:
        return found
    wanted = asked.series.casefold()
    chosen = [row for row in found if wanted in {row["series"].casefold(), row["label"].casefold()}]
    if not chosen:
        known = ", ".join(row["series"] for row in found) or "none yet: their members have to be stored on two days"
        raise UserInputError(f"no series is called {asked.series!r}; there is: {known}")
    return chosen


def _called(row: dict[str, Any]) -> str:
    name: str = row.get("label") or row.get("symbol") or row.get("coin_id") or ""
    return name


def _shown(asked: Asked) -> tuple[ColumnFormat, ...]:
    names = (ColumnFormat("series", "label"),) if asked.of_series else (ColumnFormat("coin", "symbol"),)
    supply = (ColumnFormat("supply (M USD)", "supply_effect_usd", 1, 1e6),) if asked.days >= SUPPLY_DAYS else ()
    membership = (
        ColumnFormat("members, net", "membership_usd", 1, 1e6),
        ColumnFormat("came", "arrivals_usd", 1, 1e6),
        ColumnFormat("went", "departures_usd", 1, 1e6),
    )
    return (
        *names,
        ColumnFormat("change (M USD)", "change_usd", 1, 1e6),
        ColumnFormat("(%)", "change_pct", 2),
        ColumnFormat("price (M USD)", "price_effect_usd", 1, 1e6),
        *supply,
        ColumnFormat("large step", "large_supply_step_usd", 1, 1e6),
        *(membership if asked.of_series else ()),
        ColumnFormat("rest", "rest_usd", 1, 1e6),
    )


def _headline(entries: Sequence[dict[str, Any]], asked: Asked, days: str) -> str:
    if not entries:
        return "Nothing is known yet: members have to be stored on two days" if asked.of_series else ""
    what, effect = {
        "price": ("Price", "price_effect_usd"),
        "supply": ("New supply", "new_supply_usd"),
        "membership": ("Coming and going", "membership_usd"),
    }[asked.by]
    first = entries[0]
    return f"{what} moved {_called(first)} most: {figure(first[effect], 1, ' M USD', 1e6)} in {days}"


def _footnotes(
    rows: Sequence[dict[str, Any]], entries: Sequence[dict[str, Any]], short: Sequence[dict[str, Any]]
) -> tuple[str, ...]:
    notes = []
    steps = [row for row in entries if row["large_supply_step_usd"] and "is_confirmed" in row]
    words = {True: "confirmed", False: "denied", None: "not published"}
    if steps:
        named = ", ".join(f"{_called(row)} ({words[row['is_confirmed']]})" for row in steps)
        notes.append(f"Large supply steps against the published supply: {named}.")
    if len(rows) > len(entries):
        notes.append(f"The {len(entries):,} largest of {len(rows):,}.")
    if named := ", ".join(_called(row) for row in short if row in entries):
        notes.append(f"Known for fewer days: {named}.")
    return tuple(notes)
