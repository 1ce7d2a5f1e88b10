"""Pages made by hand: a few cards of every kind, whose figures a test can work out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from marketflows_pipeline.charts.style.theme import PALETTE
from marketflows_pipeline.report.brief.brief import Brief
from marketflows_pipeline.report.brief.statement import Statement
from marketflows_pipeline.report.freshness import PartState
from marketflows_pipeline.report.model import Card, Dataset, FigureColumn, GainRow, Gains, Section, Tile
from marketflows_pipeline.report.page import Links, PageContent, Rendering
from marketflows_pipeline.report.specs import SINGLED_OUT

NOW = datetime(2026, 3, 4, 11, 14, tzinfo=UTC)
FIRST = date(2026, 1, 1)
CONTROLS = {
    "base": [("b0", "US dollar"), ("b1", "BTC")],
    "order": [("0", "level"), ("1", "growth")],
}
# Stands for Vega in a page that no browser opens.
NO_SCRIPTS = "(()=>{})();"


def curves(labels: Sequence[str], days: int = 60, name: str = "curves", fields: Sequence[str] = ()) -> Dataset:
    """A rising line for each label in every field, each steeper than the one before."""
    fields = fields or [f"{base}_1_{order}" for base in ("b0", "b1") for order in (0, 1)]
    rows = [
        {
            "label": label,
            "ts": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day),
            **{field: (place + 1) * 100.0 + day * (at + 1) for at, field in enumerate(fields)},
        }
        for place, label in enumerate(labels)
        for day in range(days)
    ]
    return Dataset(name, pl.DataFrame(rows))


def series_of(labels: Sequence[str]) -> tuple[tuple[str, str, str], ...]:
    return tuple((label, label, PALETTE[place % len(PALETTE)]) for place, label in enumerate(labels))


def line_spec(dataset: str, value: str, labels: Sequence[str], **signals: str) -> dict[str, Any]:
    """Lines by label, faded where another series is singled out."""
    others = f"{SINGLED_OUT} != '' && datum['label'] != {SINGLED_OUT}"
    return {
        "data": {"name": dataset},
        "width": "container",
        "height": 160,
        "transform": [{"calculate": value, "as": "shown"}],
        "mark": {"type": "line", "point": True},
        "params": [{"name": name, "value": first} for name, first in {SINGLED_OUT: "", **signals}.items()],
        "encoding": {
            "x": {"field": "ts", "type": "temporal", "title": None},
            "y": {"field": "shown", "type": "quantitative", "title": None, "scale": {"zero": False}},
            "color": {
                "field": "label",
                "type": "nominal",
                "legend": None,
                "scale": {"domain": list(labels), "range": [color for _, _, color in series_of(labels)]},
            },
            "opacity": {"condition": {"test": others, "value": 0.15}, "value": 1},
        },
    }


def controlled_card(labels: Sequence[str] = ("Layer 1", "AI"), *, key: str = "coins-curves", **changes: Any) -> Card:
    """A chart that the control bar sets."""
    dataset = curves(labels)
    card: dict[str, Any] = {
        "key": key,
        "title": "AI leads",
        "subtitle": "Market cap, USD",
        "caption": "Source: made by hand; as of 4 Mar 2026.",
        "dataset": dataset,
        "columns": (
            FigureColumn("ts", "Time (UTC)"),
            FigureColumn("label", "Series"),
            FigureColumn("b0_1_0", "Level", 1, signed=True),
            FigureColumn("b1_1_1", "Growth, thousands", 3, divisor=1e3),
        ),
        "sql": "select 1 as one",
        "spec": line_spec(dataset.name, "datum[base + '_1_' + order]", labels, base="b0", order="0"),
        "description": "Two rising lines.",
        "series_key": "label",
        "series": series_of(labels),
        "controls": ("base", "order"),
    }
    return Card(**(card | changes))


def plain_card(labels: Sequence[str] = ("AI", "Gold"), *, key: str = "funds-flows") -> Card:
    """A chart without controls, which shares a series with the other one."""
    dataset = curves(labels, name="funds", fields=["flow"])
    return controlled_card(
        labels,
        key=key,
        title="Gold took in most",
        dataset=dataset,
        columns=(FigureColumn("ts", "Time (UTC)"), FigureColumn("label", "Series"), FigureColumn("flow", "Flow", 0)),
        spec=line_spec("funds", "datum.flow", labels),
        controls=(),
    )


def table_card(names: Sequence[str] = ("Binance", "=1+1", "Kraken")) -> Card:
    """A table that stands in the page without scripts, with a negative and an unknown figure."""
    rows = pl.DataFrame(
        {
            "name": list(names),
            "day": [FIRST + timedelta(days=place) for place in range(len(names))],
            "flow_usd": [[-1_234_567.0, None, 9.87e9][place % 3] for place in range(len(names))],
            "is_tracked": [place % 2 == 0 for place in range(len(names))],
        },
        schema_overrides={"flow_usd": pl.Float64},
    )
    return Card(
        key="exchanges-table",
        title="Kraken took in most",
        subtitle="Net flow, M USD",
        caption="Source: made by hand.",
        dataset=Dataset("exchanges", rows),
        columns=(
            FigureColumn("name", "Exchange"),
            FigureColumn("day", "Day"),
            FigureColumn("flow_usd", "Net flow (M USD)", 1, signed=True, divisor=1e6),
            FigureColumn("is_tracked", "Tracked"),
        ),
        sql="select 2 as two",
        width=6,
    )


def statement(text: str = "Gold: flow +$1.3B in 21 sessions.", severity: str = "extreme", **changes: Any) -> Statement:
    made: dict[str, Any] = {
        "statement_id": f"flow_shock:GLD:{text}",
        "part": "cross_asset",
        "kind": "flow_shock",
        "subject": "GLD",
        "label": "Gold",
        "as_of": NOW,
        "text": text,
        "how_unusual": "z +4.2 against the 60 values before",
        "caveat": "Creations, not spot buying.",
        "figures": {},
        "evidence": "select 1",
        "href": "#funds-flows",
        "severity": severity,
        "score": 4.2,
    }
    return Statement(**(made | changes))


def brief(statements: Sequence[Statement] = ()) -> Brief:
    return Brief(
        headline="2 unusual changes since 3 Mar 2026 11:14 UTC.",
        since=NOW - timedelta(hours=24),
        now=NOW,
        statements=tuple(statements) or (statement(), statement("VIX rose 12%.", "notable", href="#nowhere-else")),
        corrections=(),
        as_of={},
        not_covered=(),
        is_tutorial=False,
        is_known=True,
        told_up_to=NOW,
        event_ids=frozenset(),
    )


def page_content(sections: Sequence[Section] | None = None, **changes: Any) -> PageContent:
    """A page of three sections; any part of it can be another one."""
    made: dict[str, Any] = {
        "sections": sections
        if sections is not None
        else [
            Section("coins", "Coins", (controlled_card(),)),
            Section("funds", "Funds", (plain_card(),), ("Nothing is known of silver.",)),
            Section("exchanges", "Exchanges", (table_card(),)),
        ],
        "brief": brief(),
        "tiles": (Tile("Market cap", "$2.2T", "+2.4% in a week", "#coins-curves", (1.0, None, 2.0, 3.0)),),
        "gains": Gains(
            (GainRow("Layer 1", (1.0, 2.0), {"1d": 1.5, "1w": None}), GainRow("AI", (), {"1d": -3.25, "1w": 120.0})),
            "Gain in US dollars, %.",
        ),
        "parts": (PartState("Market caps", "4 Mar 00:00", is_stale=False, is_carried_over=False),),
        "written_at": NOW,
        "is_tutorial": False,
        "controls": CONTROLS,
    }
    return PageContent(**(made | changes))


def html_of(content: PageContent | None = None, bundle: str = NO_SCRIPTS, links: Links | None = None) -> str:
    return Rendering(content or page_content(), bundle).html(links or Links())
