"""What a reader does with a page of a few cards: controls, legends, tables, themes, by mouse and by key."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from marketflows_pipeline.charts.style.wording import day_text, moment, value_text
from marketflows_pipeline.report.freshness import PartState, TableState
from marketflows_pipeline.report.model import Section
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES
from marketflows_pipeline_tests.report.browser.accessibility import violations
from marketflows_pipeline_tests.report.browser.conftest import Open, Opened
from marketflows_pipeline_tests.report.content import (
    brief,
    controlled_card,
    curves,
    html_of,
    page_content,
    plain_card,
    statement,
    table_card,
)

# Of 2001 and 2286: no clock is between them.
LONG_AGO, FAR_OFF = 1_000_000_000_000, 9_999_999_999_999

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def opened(open_page: Open, scripts: str) -> Opened:
    """The page that most tests look at; each leaves it as it was."""
    made = open_page(html_of(bundle=scripts))
    made.all_drawn()
    return made


@pytest.fixture(autouse=True)
def quiet(opened: Opened) -> Iterator[None]:
    """No test makes the page complain, or ask for anything."""
    yield
    assert opened.messages == []
    assert len(opened.requests) == 1
    assert opened.dialogs == []


def pressed(opened: Opened) -> list[str | None]:
    chips = opened.page.locator("button[data-series][aria-pressed=true]").all()
    return [chip.get_attribute("data-series") for chip in chips]


def faded(opened: Opened, key: str) -> list[float]:
    """Opacity of each line of a chart."""
    found: list[float] = opened.page.evaluate(
        "key => [...document.querySelectorAll(`[data-chart='${key}'] .mark-line path`)]"
        ".map(path => Number(path.getAttribute('opacity') ?? 1))",
        key,
    )
    return found


def test_charts_are_drawn_without_a_complaint(opened: Opened) -> None:
    assert len(opened.lines("coins-curves")) == 2
    assert len(opened.lines("funds-flows")) == 2
    described = opened.page.locator('[data-chart="coins-curves"][aria-label="Two rising lines."]')
    assert described.count() == 1
    leaked = opened.page.evaluate("() => Object.keys(window).filter(name => name.length < 3)")
    assert leaked == [], "the scripts keep their names to themselves"


def test_a_control_sets_the_charts_that_have_it_and_no_other(opened: Opened) -> None:
    before = opened.lines("coins-curves"), opened.lines("funds-flows")
    opened.page.get_by_label("growth", exact=True).check()
    assert _until(opened, lambda: opened.lines("coins-curves") != before[0])
    assert opened.lines("funds-flows") == before[1]

    opened.page.get_by_label("level", exact=True).check()
    assert _until(opened, lambda: opened.lines("coins-curves") == before[0])


def test_controls_answer_to_arrow_keys(opened: Opened) -> None:
    before = opened.lines("coins-curves")
    opened.page.locator("input[name=order][value='0']").focus()
    opened.page.keyboard.press("ArrowRight")
    expect(opened.page.locator("input[name=order][value='1']")).to_be_checked()
    assert _until(opened, lambda: opened.lines("coins-curves") != before)
    opened.page.keyboard.press("ArrowLeft")
    assert _until(opened, lambda: opened.lines("coins-curves") == before)


def test_a_series_is_singled_out_in_all_charts(opened: Opened) -> None:
    opened.page.locator("#coins-curves button", has_text="AI").click()
    assert pressed(opened) == ["AI", "AI"]
    assert _until(opened, lambda: faded(opened, "coins-curves") == [0.15, 1])
    assert _until(opened, lambda: faded(opened, "funds-flows") == [1, 0.15])
    expect(opened.page.locator("#said")).to_contain_text("AI is singled out in all charts")

    opened.page.keyboard.press("Escape")
    assert pressed(opened) == []
    assert _until(opened, lambda: faded(opened, "coins-curves") == faded(opened, "funds-flows") == [1, 1])


def test_a_click_on_a_mark_singles_its_series_out(opened: Opened) -> None:
    point = opened.page.locator('[data-chart="funds-flows"] .mark-symbol path').last
    point.dispatch_event("click")
    if not pressed(opened):
        box = point.bounding_box()
        assert box
        opened.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert _until(opened, lambda: pressed(opened) == ["Gold"])
    opened.page.keyboard.press("Escape")


def test_figures_are_those_of_the_data_and_can_be_sorted(opened: Opened) -> None:
    card = opened.page.locator("#coins-curves")
    card.get_by_text("Figures", exact=True).click()
    # The table is made once the browser says that it has been opened.
    expect(card.locator("tbody tr").first).to_be_visible()
    shown = [row.split("\t") for row in card.locator("tbody tr").all_inner_texts()]
    newest_first = curves(("Layer 1", "AI")).rows.sort("ts", descending=True, maintain_order=True)
    assert shown == [
        [
            moment(row["ts"]),
            row["label"],
            value_text(row["b0_1_0"], 1, signed=True),
            value_text(row["b1_1_1"] / 1e3, 3, signed=False),
        ]
        for row in newest_first.iter_rows(named=True)
    ]

    header = card.locator("th", has_text="Level")
    header.get_by_role("button").press("Enter")
    expect(header).to_have_attribute("aria-sort", "descending")
    assert card.locator("tbody tr").first.inner_text().split("\t")[2] == "+259.0"
    header.get_by_role("button").press("Enter")
    expect(header).to_have_attribute("aria-sort", "ascending")
    assert card.locator("tbody tr").first.inner_text().split("\t")[2] == "+100.0"
    card.get_by_text("Figures", exact=True).click()


def test_a_table_in_the_page_is_sorted_by_value_and_what_is_unknown_stands_last(opened: Opened) -> None:
    card = opened.page.locator("#exchanges-table")
    names = [[text.split("\t")[0] for text in card.locator("tbody tr").all_inner_texts()]]
    for _ in range(2):
        card.locator("th", has_text="Net flow").get_by_role("button").click()
        names.append([text.split("\t")[0] for text in card.locator("tbody tr").all_inner_texts()])
    assert names == [
        ["Binance", "=1+1", "Kraken"],
        ["Kraken", "Binance", "=1+1"],
        ["Binance", "Kraken", "=1+1"],
    ]
    assert card.locator("tbody tr").first.inner_text().split("\t")[1:] == [
        day_text(table_card().dataset.rows["day"][0]),
        "\u22121.2",
        "yes",
    ]


@pytest.mark.parametrize("key", ["exchanges-table", "coins-curves"])
def test_a_csv_has_every_row_and_no_formula(opened: Opened, key: str, tmp_path: Path) -> None:
    card = opened.page.locator(f"#{key}")
    figures = card.locator("details.figures")
    if figures.count():
        figures.locator("summary").click()
    with opened.page.expect_download() as download:
        card.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == f"{key}.csv"
    path = tmp_path / "saved.csv"
    download.value.save_as(path)
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "spreadsheets take it for UTF-8"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    if key == "exchanges-table":
        assert rows == [
            ["Exchange", "Day", "Net flow (M USD)", "Tracked"],
            ["Binance", "2026-01-01", "-1.2346", "true"],
            ["'=1+1", "2026-01-02", "", "false"],
            ["Kraken", "2026-01-03", "9870", "true"],
        ]
    else:
        assert len(rows) == 121
        assert rows[1] == ["2026-01-01T00:00:00Z", "Layer 1", "100", "0.1"]
        figures.locator("summary").click()


def test_the_query_is_copied(open_page: Open, scripts: str) -> None:
    other = open_page(html_of(bundle=scripts), permissions=["clipboard-read", "clipboard-write"])
    other.page.locator("#coins-curves details.sql summary").click()
    button = other.page.locator("#coins-curves details.sql button")
    button.click()
    expect(button).to_have_text("Copied")
    assert other.page.evaluate("() => navigator.clipboard.readText()") == "select 1 as one"


def test_the_theme_is_chosen_and_remembered(open_page: Open, scripts: str) -> None:
    other = open_page(html_of(bundle=scripts), color_scheme="light")
    color = "() => getComputedStyle(document.body).backgroundColor"
    light = other.page.evaluate(color)
    other.page.get_by_role("button", name="Dark page").click()
    dark = other.page.evaluate(color)
    assert dark != light
    other.page.reload()
    assert other.page.evaluate(color) == dark
    expect(other.page.locator("#theme")).to_have_text("Light page")
    other.page.emulate_media(media="print")
    assert other.page.evaluate(color) == "rgb(255, 255, 255)"
    card = other.page.evaluate("() => getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert card == "rgb(255, 255, 255)"


def test_the_first_screen_needs_no_script(open_page: Open, scripts: str) -> None:
    other = open_page(html_of(bundle=scripts), java_script_enabled=False)
    text = other.page.inner_text("main")
    for words in ("$2.2T", "2 unusual changes", "Gold: flow +$1.3B", "+1.5", "Binance", "\u22121.2"):
        assert words in text
    assert other.page.locator("form.controls").is_hidden()
    assert other.page.locator("#theme").is_hidden()


def test_a_chart_that_fails_says_so_and_leaves_its_table(open_page: Open, scripts: str) -> None:
    spec = dict(controlled_card().spec or {}, mark="no such mark")
    sections = [Section("coins", "Coins", (controlled_card(spec=spec), plain_card()))]
    other = open_page(html_of(page_content(sections), scripts))
    other.all_drawn()
    failed = other.page.locator('[data-chart="coins-curves"]')
    expect(failed).to_have_text("This chart could not be drawn. Its figures are in the table below.")
    expect(other.page.locator("#coins-curves tbody tr")).to_have_count(120)
    assert len(other.lines("funds-flows")) == 2
    assert len(other.messages) == 1


def test_a_chart_drawn_late_shows_what_was_chosen_before(open_page: Open, scripts: str) -> None:
    """On a phone only the first two cards of a section are drawn before the reader asks for more."""
    cards = tuple(controlled_card(key=f"coins-{place}") for place in range(3))
    other = open_page(
        html_of(page_content([Section("coins", "Coins", cards)]), scripts), viewport={"width": 390, "height": 800}
    )
    other.all_drawn()
    assert other.page.locator('[data-chart="coins-2"]').get_attribute("data-state") is None
    other.page.get_by_label("growth", exact=True).check()
    other.page.locator("#coins-0 button", has_text="AI").click()
    other.page.get_by_role("button", name="Show all 3 cards").click()
    other.drawn("coins-2")
    assert other.lines("coins-2") == other.lines("coins-0")
    assert _until(other, lambda: faded(other, "coins-2") == [0.15, 1])


def test_times_are_utc_wherever_the_reader_is(open_page: Open, scripts: str) -> None:
    def labels(zone: str) -> list[str]:
        other = open_page(html_of(bundle=scripts), timezone_id=zone)
        other.drawn("coins-curves")
        return other.page.locator('[data-chart="coins-curves"] .role-axis-label text').all_inner_texts()

    assert labels("America/Los_Angeles") == labels("UTC") == labels("Pacific/Auckland")


@pytest.mark.parametrize("width", [360, 390, 800, 1600])
def test_nothing_is_wider_than_the_screen(open_page: Open, scripts: str, width: int) -> None:
    long = "A".join(["very long name"] * 6)
    content = page_content(
        [
            Section(
                "coins",
                "Coins",
                (controlled_card((long, *(f"Series number {n}" for n in range(20)))), table_card((long,))),
            )
        ],
        brief=brief([statement(f"{long} rose 12%.", how_unusual=long)]),
    )
    other = open_page(html_of(content, scripts), viewport={"width": width, "height": 800})
    other.all_drawn()
    assert other.page.evaluate("() => document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_no_violation(open_page: Open, scripts: str, scheme: str, width: int) -> None:
    stale = page_content().parts[0].__class__("Exchanges", "1 Mar 10:00", is_stale=True, is_carried_over=False)
    content = page_content(is_tutorial=True, parts=(*page_content().parts, stale))
    other = open_page(html_of(content, scripts), color_scheme=scheme, viewport={"width": width, "height": 800})
    other.all_drawn()
    for summary in other.page.locator("details:not(.notices) > summary").all():
        summary.click()
    assert violations(other.page) == []


@pytest.mark.parametrize(
    ("stale_at", "is_tutorial", "is_shown"), [(LONG_AGO, False, True), (FAR_OFF, False, False), (LONG_AGO, True, False)]
)
def test_what_became_stale_after_the_writing_says_so(
    open_page: Open, scripts: str, stale_at: int, is_tutorial: bool, is_shown: bool
) -> None:
    tables = (
        TableState("daily net flows are as of 24 Feb 2026 00:00 UTC", FAR_OFF, is_stale=False),
        TableState("reserves are as of 25 Feb 2026 11:05 UTC", stale_at, is_stale=False),
    )
    part = PartState("Exchanges", "25 Feb 2026 12:00 UTC", False, False, tables)
    content = page_content(parts=(*page_content().parts, part), is_tutorial=is_tutorial)
    other = open_page(html_of(content, scripts))

    assert other.page.is_visible("#stale") is is_shown
    pill = other.page.locator(".pills > span").nth(1)
    assert ("old" in (pill.get_attribute("class") or "")) is is_shown
    assert ("stale" in pill.inner_text()) is is_shown
    if is_shown:
        assert "STALE. Exchanges: reserves are as of 25 Feb 2026 11:05 UTC. These" in other.page.inner_text("#stale")
        assert other.page.locator(".pills > span.old").count() == 1
    assert other.messages == []


def test_hostile_names_open_nothing_and_ask_for_nothing(open_page: Open, scripts: str) -> None:
    names = [name.encode("utf-8", "replace").decode().replace("\0", "") for name in HOSTILE_NAMES.values()]
    chart = controlled_card(
        names, title=names[0], subtitle=names[1], caption=names[2], sql=names[3], description=names[0]
    )
    sections = [Section("coins", names[1], (chart,)), Section("tables", "Tables", (table_card(names),))]
    gains = replace(page_content().gains, note=names[0])
    content = page_content(sections, brief=brief([statement(name) for name in names]), gains=gains)
    other = open_page(html_of(content, scripts))
    other.all_drawn()
    other.page.locator("details.figures summary").click()
    for chip in other.page.locator("button[data-series]").all()[:12]:
        chip.dispatch_event("click")
    assert names[0] in other.page.inner_text("#brief")
    assert (len(other.requests), other.dialogs, other.messages) == (1, [], [])


def _until(opened: Opened, is_so: Callable[[], bool], tries: int = 400) -> bool:
    """Whether something becomes so; the page's own loop goes on meanwhile."""
    for _ in range(tries):
        if is_so():
            return True
        opened.page.wait_for_timeout(25)
    return is_so()
