from __future__ import annotations

import pytest

from marketflows_pipeline.charts.cross_asset.wording import (
    flows_text,
    interval_text,
    known_text,
    left_out_notes,
    percent_of_cap_text,
)
from marketflows_pipeline.charts.style.wording import footer_parts
from marketflows_pipeline_tests.charts.cross_asset.frames import LAST


def test_a_footer_says_which_session_the_figures_are_of() -> None:
    assert footer_parts("Yahoo", LAST, ["a proxy"]) == ["Yahoo", "as of the session of 6 Mar 2026", "a proxy"]


def test_one_session_is_not_a_plural() -> None:
    assert flows_text(1, LAST) == "Net flows of 6 Mar 2026"
    assert flows_text(21, LAST) == "Net flows of the last 21 sessions, to 6 Mar 2026"


def test_a_sum_says_how_many_sessions_are_in_it_where_that_is_not_all() -> None:
    assert known_text(21, 21) == ""
    assert known_text(15, 21) == " (15 of 21)"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.341, "+0.34%"),
        (-12.04, "\u221212.0%"),
        (9.996, "+10.0%"),
        (0.004, "+<0.01%"),
        (-0.004, "\u2212<0.01%"),
        (0.0, "0.00%"),
    ],
)
def test_a_small_share_is_not_rounded_to_nothing(share: float, text: str) -> None:
    assert percent_of_cap_text(share) == text


def test_an_interval_stands_beside_its_figure_where_it_is_known() -> None:
    assert interval_text(0.5123, 0.4972, 0.5268, signed=False) == "0.512 [0.497, 0.527]"
    assert interval_text(-0.004, -0.0101, 0.002, signed=True) == "\u22120.004 [\u22120.010, +0.002]"
    assert interval_text(0.012, None, None, signed=False) == "0.012"


def test_assets_without_a_flow_are_named_with_the_reason() -> None:
    assert left_out_notes(["QQQ"], ["BTC", "ETH"]) == [
        "flow unknown: QQQ",
        "left out: BTC, ETH (issuance is not a flow of investors)",
    ]
    assert left_out_notes([], []) == []
