"""No text takes a change of market cap for money that moved, or a price for somebody's purchase."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from marketflows_pipeline.charts.style.wording import MOSTLY_PRICE, chart_subtitle
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline_tests.charts.frames import END, chart_spec

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
    assert MOSTLY_PRICE in chart_subtitle(chart_spec(diff_order=order), END)


def test_levels_need_not_say_it() -> None:
    assert MOSTLY_PRICE not in chart_subtitle(chart_spec(diff_order=0), END)


@pytest.mark.parametrize("name", ["mart.derivatives", "mart.percent_gains"])
def test_tables_of_changes_say_so_too(name: str) -> None:
    assert "money that came in" in TABLES[name].description
