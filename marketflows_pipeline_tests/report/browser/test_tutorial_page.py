"""The page that the tutorial writes: every chart of every section, its figures those of the published file."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote

import pytest

from marketflows_pipeline.charts.style.colours import THEMES
from marketflows_pipeline.clock import SystemClock
from marketflows_pipeline.report.brief.templates import HREF_OF_PART, TEMPLATES
from marketflows_pipeline.report.filters import rows_of
from marketflows_pipeline.report.first_screen import tiles_of
from marketflows_pipeline.report.model import Card
from marketflows_pipeline.report.published import open_published_file
from marketflows_pipeline.report.sections import SECTIONS
from marketflows_pipeline_tests.report.browser.accessibility import violations
from marketflows_pipeline_tests.report.browser.conftest import Open, Opened
from marketflows_pipeline_tests.tutorial.run import TutorialRun

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_COLOUR = re.compile(rb"(?<![\d.])(0|1|0?\.\d+) (0|1|0?\.\d+) (0|1|0?\.\d+) (?:rg|RG)\b")
_FIGURES = """
key => {
  const card = document.getElementById(key), figures = card.querySelector('details.figures');
  if (figures) figures.open = true;
  return new Promise(done => setTimeout(() => done(
    [...card.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))), 50));
}
"""


@pytest.fixture(scope="module")
def text(tutorial_run: TutorialRun) -> str:
    return (tutorial_run.folder / "report_tutorial" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def opened(open_page: Open, text: str) -> Opened:
    made = open_page(text)
    made.all_drawn()
    return made


@pytest.fixture(scope="module")
def cards(tutorial_run: TutorialRun) -> list[Card]:
    with open_published_file(tutorial_run.published, is_tutorial=True, now=SystemClock().now()) as file:
        return [card for build in SECTIONS for card in build(file).cards]


def test_it_links_every_picture_of_its_cards(text: str, cards: list[Card], tutorial_run: TutorialRun) -> None:
    """It is written before a first run draws most of them."""
    stand = {path.name for path in (tutorial_run.folder / "output_plots_tutorial").glob("*.png")}
    shown = {name for card in cards for name in card.pictures if name in stand}
    assert len(shown) > 40
    assert {quote(name) for name in shown} <= set(re.findall(r"output_plots_tutorial/([^\s\">]+\.png)", text))


def test_every_chart_is_drawn_without_a_complaint(opened: Opened) -> None:
    states = opened.page.locator("[data-chart]").evaluate_all("all => all.map(each => each.dataset.state)")
    assert len(states) > 20
    assert set(states) == {"drawn"}
    assert opened.messages == []
    assert len(opened.requests) == 1


def test_every_kind_of_event_leads_to_a_card(cards: list[Card]) -> None:
    places = {"#brief", *(f"#{card.key}" for card in cards)}
    # The tutorial's market caps are of one provider alone.
    led_to = {template.href for kind, template in TEMPLATES.items() if kind != "provider_difference"}
    assert led_to | set(HREF_OF_PART.values()) <= places


def test_every_tile_leads_to_its_card(opened: Opened, cards: list[Card], tutorial_run: TutorialRun) -> None:
    with open_published_file(tutorial_run.published, is_tutorial=True, now=SystemClock().now()) as file:
        wanted = [tile.href for tile in tiles_of(file)]
    assert len(wanted) > 3
    assert set(wanted) <= {f"#{card.key}" for card in cards}
    links = opened.page.locator("a.tile").evaluate_all("all => all.map(each => each.getAttribute('href'))")
    assert links == wanted


def test_every_card_says_what_it_is_and_where_it_is_from(opened: Opened) -> None:
    cards = opened.page.locator("article.card")
    found = cards.evaluate_all(
        "all => all.map(each => ['h3', '.sub', '.caption', 'pre'].map(name => each.querySelector(name).textContent))"
    )
    assert [each for each in found if not all(part.strip() for part in each)] == []
    described = opened.page.locator("[data-chart]").evaluate_all(
        "all => all.map(each => each.getAttribute('aria-label'))"
    )
    assert all(described)


def test_every_figure_is_that_of_the_published_file(opened: Opened, cards: list[Card]) -> None:
    """As the file's own rows read; of a chart the newest come first."""
    wrong = [card.key for card in cards if opened.page.evaluate(_FIGURES, card.key) != list(_expected(card))]
    assert wrong == []
    assert len(cards) > 30


def test_controls_reach_every_chart_of_categories(opened: Opened, cards: list[Card]) -> None:
    keys = [card.key for card in cards if "base" in card.controls]
    before = {key: opened.lines(key) for key in keys}
    opened.page.get_by_label("BTC", exact=True).check()
    for _ in range(400):
        unchanged = [key for key in keys if opened.lines(key) == before[key]]
        if not unchanged:
            break
        opened.page.wait_for_timeout(25)
    opened.page.get_by_label("US dollar", exact=True).check()
    assert len(keys) > 3
    assert unchanged == []


@pytest.mark.parametrize("width", [360, 390, 1600])
def test_nothing_is_wider_than_the_screen(open_page: Open, text: str, width: int) -> None:
    other = open_page(text, viewport={"width": width, "height": 900})
    other.all_drawn()
    assert other.page.evaluate("() => document.documentElement.scrollWidth") == width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 360)])
def test_axe_finds_no_violation(open_page: Open, text: str, scheme: str, width: int) -> None:
    other = open_page(text, color_scheme=scheme, viewport={"width": width, "height": 900})
    other.all_drawn()
    assert violations(other.page) == []


def test_printed_to_pdf_every_chart_is_drawn_and_a_dark_page_is_light(open_page: Open, text: str) -> None:
    """Printed before anything was scrolled to; white paper under a dark page's ink would be read by nobody."""
    other = open_page(text, color_scheme="dark")
    pdf = other.page.pdf()
    states = other.page.locator("[data-chart]").evaluate_all("all => all.map(each => each.dataset.state)")
    assert set(states) == {"drawn"}
    other.all_drawn()
    found, light, dark = colours_in(pdf), *({value.lower() for value in THEMES[theme].values()} for theme in THEMES)
    assert {THEMES["light"][name].lower() for name in ("ink", "grey", "grid", "s1", "s2", "s3")} <= found
    assert found & (dark - light) == set()


def test_the_page_is_small_and_says_that_it_is_a_tutorial(text: str) -> None:
    assert len(text.encode()) < 6_000_000
    assert re.search(r"<header.*Tutorial data\..*</header>", text, re.DOTALL)


def colours_in(pdf: bytes) -> set[str]:
    """Colours of fills, text and lines, as ``#rrggbb``, from the streams of a PDF."""
    found = set()
    for stream in re.finditer(rb"(?<!end)stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        # Fonts and pictures are packed in other ways, or hold no operators.
        with suppress(zlib.error):
            for rgb in _COLOUR.findall(zlib.decompress(stream[1])):
                found.add("#" + "".join(f"{round(255 * float(each)):02x}" for each in rgb))
    return found


def _expected(card: Card) -> Iterator[list[str]]:
    """The rows that the card's table shows, in words."""
    if card.spec is not None:
        dated = next((c.key for c in card.columns if card.dataset.rows[c.key].dtype.is_temporal()), None)
        if dated is not None:
            rows = card.dataset.rows.sort(dated, descending=True, maintain_order=True, nulls_last=True)
            card = Card(**{**vars(card), "dataset": card.dataset.__class__(card.dataset.name, rows)})
    for row in rows_of(card):
        yield [cell.text for cell in row]
