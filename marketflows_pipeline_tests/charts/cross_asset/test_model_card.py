from __future__ import annotations

import base64
import re
from datetime import date
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.charts.cross_asset.model_card import model_card_html
from marketflows_pipeline_tests.charts.cross_asset.frames import TRAINED, evaluation_frame

PNG = b"\x89PNG\r\n\x1a\n picture"
VOID = {"meta", "img"}


def test_it_is_a_whole_well_formed_document() -> None:
    page = card()

    assert page.startswith("<!DOCTYPE html>")
    assert parsed(page).open == []


def test_nothing_is_loaded_and_nothing_runs() -> None:
    page = parsed(card())

    assert not page.tags & {"script", "link", "iframe", "object", "form"}
    assert [value for name, value in page.attributes if name in {"src", "href"}] == [
        f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    ]
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "http" not in card()
    assert "@import" not in card()
    assert "url(" not in card()


def test_whatever_a_name_holds_is_text() -> None:
    page = card(symbols=("<script>alert(1)</script>", 'A&B"'), features=("<b>",))

    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;, A&amp;B&quot;" in page
    assert "&lt;b&gt;" in page


def test_it_says_what_the_model_is_and_was_made_from() -> None:
    page = card()

    assert "Model card: direction (close higher), 5 sessions ahead" in page
    assert "Logistic regression, trained 7 Mar 2026 06:00 UTC" in page
    assert "3 Jan 2007 to 27 Feb 2026, 41,250 labelled rows of 2 assets: GLD, SPY" in page
    assert "2, version 1: return_1, flow_zscore" in page
    assert "1,000 rows tested, at least 750 sessions of training, fitted anew every 63, 5 purged and 5 more" in page
    assert "3 configurations on this data" in page
    assert "seed 7, data abababababababab, python 3.11.9" in page


def test_verdict_and_ablation_stand_on_top() -> None:
    page = card()

    assert page.index("No evidence of edge over the base rate") < page.index("What and from what")
    assert "Flows add +0.004 [\u22120.003, +0.012] to the mean AUC of assets: not told apart from nothing." in page


def test_the_placebo_and_what_is_unusual_stand_on_top() -> None:
    odd = evaluation_frame(auc=(0.56, 0.54, 0.58), placebo=(0.5, 0.45, 0.55))
    page = model_card_html(metadata(), odd, b"png")

    assert page.index("Unusual: look for look-ahead first; the mean AUC") < page.index("What and from what")
    assert page.index("Placebo, 39 trainings on labels permuted") < page.index("What and from what")


def test_baselines_stand_beside_the_model_and_a_missing_figure_is_a_dash() -> None:
    page = card()

    rows = re.findall(r"<tr(?: class=\"model\")?><td>(.*?)</td>(.*?)</tr>", page)
    table = {name: re.findall(r"<td>(.*?)</td>", cells) for name, cells in rows}
    assert list(table) == ["Model with flows", "Base rate of each asset", "Always up"]
    auc, by_date, brier, skill, loss, error = table["Model with flows"]
    assert auc == by_date == "0.507<span>[0.491, 0.527]</span>"
    assert brier == "0.2475<span>[0.2445, 0.2505]</span>"
    assert skill == "\u22120.0040<span>[\u22120.0100, +0.0020]</span>"
    assert (loss, error) == ("\u2013", "0.0120")
    assert table["Base rate of each asset"][:2] == ["\u2013", "\u2013"]


def test_other_models_figures_are_passed_over() -> None:
    other = evaluation_frame(auc=(0.9, 0.8, 0.95), horizon=20)
    frame = pl.concat([evaluation_frame(), other])

    assert model_card_html(metadata(), frame, PNG) == card()
    with pytest.raises(ValueError, match="no figure of model"):
        model_card_html(metadata(), other, PNG)


def test_synthetic_data_are_called_so_with_the_planted_beside_the_found_auc() -> None:
    page = model_card_html(metadata(is_synthetic=True, planted_auc=0.55), evaluation_frame(is_synthetic=True), PNG)

    assert "Synthetic data: nothing here is about real markets." in page
    assert "AUC planted 0.550, found 0.507 [0.491, 0.527] (mean AUC of assets)." in page
    assert "made up" in page
    assert "ynthetic data" not in card()
    assert "made up" not in card()


def test_caveats_stand_on_it() -> None:
    page = card()

    assert "Issuance of coins is not a flow of investors" in page
    assert "Not investment advice." in page


def metadata(**changes: Any) -> dict[str, Any]:
    return {
        "model_id": evaluation_frame().item(0, "model_id"),
        "target": "direction",
        "horizon": 5,
        "kind": "logistic",
        "seed": 7,
        "trained_at": TRAINED,
        "is_synthetic": False,
        "first_session": date(2007, 1, 3),
        "last_session": TRAINED.date().replace(month=2, day=27),
        "rows": 41250,
        "test_rows": 1000,
        "symbols": ("GLD", "SPY"),
        "features": ("return_1", "flow_zscore"),
        "features_version": 1,
        "features_sha256": "ab" * 32,
        "versions": {"python": "3.11.9"},
        "walk_forward": {"horizon": 5, "min_train": 750, "refit_every": 63, "embargo": 5, "resamples": 300},
        "configurations_tried": 3,
        **changes,
    }


def card(**changes: Any) -> str:
    return model_card_html(metadata(**changes), evaluation_frame(), PNG)


class Page(HTMLParser):
    """The tags and attributes of a document, and those that were never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Page:
    parser = Page()
    parser.feed(page)
    return parser
