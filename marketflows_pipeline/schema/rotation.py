"""Tables of rotations: points, stays in quadrants, and what chance alone gives.

The same three tables twice, since a table is published with its part and each part by itself: narratives with the
market caps, assets and their flows with the cross-asset part.
"""

from __future__ import annotations

from dataclasses import replace

from marketflows_pipeline.schema.columns import flag, integer, moment, number, pct, text
from marketflows_pipeline.schema.model import Part, Table

_UNIVERSE = text("universe", "narratives; cross-asset or flows in the tables of that part")
_SERIES = text("series", "Narrative, or symbol of an asset")
_BENCHMARK = text("benchmark", "What the series is measured against: a coin, an asset, or none for flows")
_TS = moment("ts", "The close: 00:00 of a completed day; of weekly series the Saturday after the week's last close")
_QUADRANT = text(
    "quadrant",
    "leading (ratio and momentum from 100 on), weakening (momentum below), lagging (both below) or improving (ratio "
    "below); null before there are enough closes",
    nullable=True,
)
_BACKFILLED = flag(
    "is_backfilled", "Whether the close is of a time before the first stored members, counted with those of later on"
)


def _points(name: str, part: Part, closes: tuple[str, ...], how: str) -> Table:
    return Table(
        name=name,
        part=part,
        grain="one series against one benchmark at one close",
        key=("universe", "series", "benchmark", "ts"),
        description=(
            f"Where each series stands on the plane of a rotation. {how} Each axis is a z-score of the series' own "
            "past, so points of two series say nothing of which one is higher. A path on such a plane turns "
            "clockwise by its making: see the placebo."
        ),
        columns=(
            _UNIVERSE,
            _SERIES,
            _BENCHMARK,
            _TS,
            number("ratio", "Relative strength: 100 plus its z-score", *closes, nullable=False),
            number("momentum", "Change of the ratio: 100 plus its z-score", *closes),
            replace(_QUADRANT, derived_from=closes),
            number(
                "heading_deg",
                "Where the point came from the one before, clockwise from straight up",
                *closes,
                unit="degrees",
            ),
            number("speed", "Distance from the point before", *closes, unit="z-scores a step"),
            _BACKFILLED,
        ),
        as_of="ts",
        may_be_empty=True,
    )


def _log(points: Table, returns: tuple[str, ...], what: str) -> Table:
    return Table(
        name=f"{points.name}_log",
        part=points.part,
        grain="one stay of a series in a quadrant",
        key=("universe", "series", "benchmark", "entered_at"),
        description=f"Stays in the quadrants of {points.name}, from close to close; the last one of a series is open.",
        columns=(
            _UNIVERSE,
            _SERIES,
            _BENCHMARK,
            moment("entered_at", "First close in the quadrant"),
            moment("left_at", "First close outside of it; null while inside", nullable=True),
            replace(_QUADRANT, nullable=False, derived_from=(f"{points.name}.quadrant",)),
            integer("days", "From the first close to the end, or to the newest close", unit="days"),
            pct("return_pct", f"Return over these days: {what}", *returns),
            flag("is_seen_to_begin", "Whether the series was in another quadrant before; else it is older"),
            _BACKFILLED,
        ),
        as_of="entered_at",
        may_be_empty=True,
    )


def _placebo(points: Table, closes: tuple[str, ...], design: str) -> Table:
    return Table(
        name=f"{points.name}_placebo",
        part=points.part,
        grain="one statistic of all series of a universe against one benchmark",
        key=("universe", "benchmark", "statistic"),
        description=(
            "What a rotation chart claims beside what chance alone gives: the same figures of the same returns with "
            f"their order shuffled, 400 times. {design} Pooled over the series, on the closes that all of them have. "
            "With seven figures one lies outside of its band in every fourth chart by chance."
        ),
        columns=(
            _UNIVERSE,
            _BENCHMARK,
            text(
                "statistic",
                "clockwise_pct (share of steps that turn clockwise around the centre), dwell (mean steps of a stay), "
                "whipsaw_pct (share of entries that are undone within 3 steps), return_after_<quadrant> (mean log "
                "return after an entry over its expected deviation)",
            ),
            moment("as_of", "The newest close"),
            number("value", "The figure", *closes),
            number("lower", "2.5 % of the shuffles lie below", *closes),
            number("upper", "2.5 % of the shuffles lie above", *closes),
            integer("n_entries", "Entries into a quadrant that the figure is made of"),
            text("reason", "Why there is no band: too short to tell, and by how much", nullable=True),
            integer("n_series", "Series with enough closes, which are pooled"),
            integer("n_steps", "Closes that all of them have"),
            integer("n_backfilled", "How many of these are before the first stored members"),
            text("closes_hash", "Digest of closes and rule: while it stays, nothing is shuffled anew"),
        ),
        as_of="as_of",
        may_be_empty=True,
    )


_INDEX = ("mart.narrative_index.price_index",)
_CLOSES = ("core.asset_flows.close_usd",)
_FLOWS = ("core.asset_flows.trade_flow_usd", "core.asset_flows.market_cap_usd")

_NARRATIVES = _points(
    "mart.rotation",
    "market_caps",
    _INDEX,
    "Narratives' price index over a coin at each completed day, from the index's base on: EMA 10 of it, its z-score "
    "over 21 closes across; EMA 10 of the change of that, its z-score over 21 closes upwards.",
)
_CROSS_ASSET = _points(
    "mart.cross_asset_rotation",
    "cross_asset",
    (*_CLOSES, *_FLOWS),
    "Weekly. Cross-asset: the week's last close over the benchmark's, EMA 10, z-scores over 14 weeks. Flows: the net "
    "flow of a fund over 4 weeks in % of its assets, its z-score over 14 weeks, and that of the change of this.",
)

ROTATION_TABLES: tuple[Table, ...] = (
    _NARRATIVES,
    _log(_NARRATIVES, _INDEX, "the price index over the coin"),
    _placebo(_NARRATIVES, _INDEX, "Daily log returns, in blocks of 10 rows; no band under 365 closes or 30 entries."),
    _CROSS_ASSET,
    _log(_CROSS_ASSET, _CLOSES, "the price over the benchmark's, for flows the price alone"),
    _placebo(
        _CROSS_ASSET,
        _CLOSES,
        "Weekly log returns, in blocks of 2 rows; no band under 156 weeks or 30 entries. None is made for flows.",
    ),
)
