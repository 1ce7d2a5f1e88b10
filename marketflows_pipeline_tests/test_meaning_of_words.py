"""No text takes a change of market cap for money that moved, or a price for somebody's purchase."""

from __future__ import annotations

import json
import re
from pathlib import Path

import altair as alt
import pytest

from marketflows_pipeline.charts.market_caps.gain_table import gain_table
from marketflows_pipeline.charts.market_caps.lines import line_chart
from marketflows_pipeline.charts.market_caps.wording import MOSTLY_PRICE
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline_tests.charts.frames import chart_spec, gain_frame, gain_spec, grid_frame

ROOT = Path(__file__).parents[1]
TEXTS = [
    *sorted((ROOT / "marketflows_pipeline").rglob("*.py")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "warehouse" / "queries").glob("*.sql")),
    ROOT / "README.md",
    ROOT / "config.toml",
]
MISTAKEN = re.compile(
    r"money (?:still )?comes in, (?:faster|but)|it still comes in|where (?:does )?capital moves?"
    r"|price (?:up|down): (?:accumulation|distribution)|rising prices are called|growth[^.]{0,40}\bmoney comes in",
    re.IGNORECASE,
)


def test_no_text_takes_a_market_cap_for_money() -> None:
    """Growth was explained as "money comes in, faster and faster", a rising price as accumulation."""
    texts = {path: " ".join(path.read_text(encoding="utf-8").split()) for path in TEXTS}
    assert {str(path): found for path, text in texts.items() if (found := MISTAKEN.findall(text))} == {}
    assert MISTAKEN.search("Above zero and rising: money comes in, faster and faster.")


@pytest.mark.parametrize("order", [1, 2, 3])
def test_charts_of_changes_say_that_they_are_mostly_price(order: int) -> None:
    assert MOSTLY_PRICE in said_by(line_chart(grid_frame({"ai": [0.1, 0.2]}), chart_spec(diff_order=order)))


def test_gain_tables_say_it_too() -> None:
    assert MOSTLY_PRICE in said_by(gain_table(gain_frame([("ai", 168, 1.0, None)]), gain_spec()))


def test_levels_need_not_say_it() -> None:
    assert MOSTLY_PRICE not in said_by(line_chart(grid_frame({"ai": [1.0, 1.2]}), chart_spec()))


def said_by(chart: alt.LayerChart) -> str:
    return json.dumps(chart.to_dict(), ensure_ascii=False)


@pytest.mark.parametrize("name", ["mart.derivatives", "mart.percent_gains"])
def test_tables_of_changes_say_so_too(name: str) -> None:
    assert "money that came in" in TABLES[name].description
