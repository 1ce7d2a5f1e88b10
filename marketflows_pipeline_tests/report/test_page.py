"""The page as text: nothing in it runs, styles or loads but what its policy names; what people read needs no script."""

from __future__ import annotations

import base64
import hashlib
import html as markup
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from marketflows_pipeline.charts.style.look import Look
from marketflows_pipeline.report.filters import emphasised, gain_text, heat_of, place_of, unbroken
from marketflows_pipeline.report.freshness import PartState, TableState
from marketflows_pipeline.report.model import Card, GainRow, Gains, Section, Tile
from marketflows_pipeline.report.page import Links, PageContent
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES
from marketflows_pipeline_tests.report.content import (
    brief,
    controlled_card,
    html_of,
    page_content,
    plain_card,
    statement,
    table_card,
)

FRESH = TableState("daily net flows are as of 24 Feb 2026 00:00 UTC", 5_000, is_stale=False)
OLD = TableState("reserves are as of 25 Feb 2026 11:05 UTC", 1_000, is_stale=True)
HANDLER = re.compile(r"^on[a-z]+$")


class Elements(HTMLParser):
    """Start tags with attributes, and the text of each script and style."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.blocks: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.blocks.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.lasttag in {"script", "style"} and self.blocks and self.cdata_elem:
            tag, attributes, text = self.blocks.pop()
            self.blocks.append((tag, attributes, text + data))


def policy(page: Elements) -> str:
    (found,) = [a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    assert found
    return found


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_what_is_in_the_page_and_nothing_else() -> None:
    page = Elements(html_of())
    scripts = [text for tag, attributes, text in page.blocks if tag == "script" and "type" not in attributes]
    (style,) = [text for tag, _, text in page.blocks if tag == "style"]

    assert policy(page) == (
        f"default-src 'none'; script-src {' '.join(map(digest, scripts))}; style-src {digest(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert len(scripts) == 3


def test_nothing_styles_or_acts_from_within_an_attribute() -> None:
    for _, attributes in Elements(html_of()).tags:
        assert "style" not in attributes
        assert not [name for name in attributes if HANDLER.match(name)]
        assert not {"src", "action", "formaction", "srcdoc"} & set(attributes)


def test_every_link_leads_within_the_page_or_to_a_name_that_this_program_made() -> None:
    links = Links(previous="archive/2026-03-03.html", pictures="../output_plots", drawn=frozenset({"A b.png"}))
    card = controlled_card(pictures=("A b.png", "never drawn.png", "../../etc/passwd.png"))
    page = Elements(html_of(page_content([Section("coins", "Coins", (card,))]), links=links))
    hrefs = {attributes["href"] for tag, attributes in page.tags if tag in {"a", "link"}}

    assert {href for href in hrefs if href and not href.startswith("#")} == {
        "data:,",
        "archive/2026-03-03.html",
        "../output_plots/A%20b.png",
    }
    anchors = {attributes.get("id") for _, attributes in page.tags}
    assert {href[1:] for href in hrefs if href and href.startswith("#")} <= anchors


def named(name: str) -> Elements:
    """A page in which everything that can have a name has this one."""
    card = controlled_card((name, "b"), title=name, subtitle=name, caption=name, sql=name, description=name)
    content = page_content(
        [Section("coins", name, (card,), (name,)), Section("tables", "Tables", (table_card((name,)),))],
        brief=brief([statement(name, how_unusual=name, caveat=name)]),
        tiles=(Tile(name, name, name, name),),
        gains=Gains((GainRow(name, (), {name: 1.0}),), name),
        parts=(PartState(name, name, is_stale=True, is_carried_over=False),),
    )
    return Elements(html_of(content, links=Links(published=name or "a")))


@pytest.mark.parametrize("kind", HOSTILE_NAMES)
def test_a_hostile_name_is_text_wherever_it_stands(kind: str) -> None:
    name = HOSTILE_NAMES[kind].encode("utf-8", "replace").decode()
    usual, hostile = named("Coin"), named(name)

    # A figure in a name is bold, and stays on one line, as any other.
    shapes = [
        [(tag, *attributes) for tag, attributes in page.tags if tag != "b" and attributes.get("class") != "amount"]
        for page in (usual, hostile)
    ]
    assert shapes[0] == shapes[1]
    blocks = {attributes["id"]: json.loads(text) for _, attributes, text in hostile.blocks if "id" in attributes}
    assert name in blocks["page-data"]["curves"]["columns"]["label"]["texts"]


def test_stale_and_tutorial_are_said_within_a_landmark() -> None:
    parts = (
        PartState("Market caps", "1 Mar 2026 00:00 UTC", is_stale=True, is_carried_over=True),
        PartState("Exchanges", "4 Mar 2026 11:14 UTC", True, False, (FRESH, OLD)),
        PartState("Cross-asset", "3 Mar 2026 close", is_stale=False, is_carried_over=True),
    )
    page = html_of(page_content(parts=parts, is_tutorial=True))
    head = page[page.index("<header") : page.index("</header>")]

    assert "<strong>STALE.</strong>" in head
    assert "Market caps: figures are as of 1 Mar 2026 00:00 UTC. " in head
    assert "Exchanges: reserves are as of 25 Feb 2026 11:05 UTC. " in head, "the stale date, not the fresh one"
    assert "3 Mar 2026 close</b> <span>carried over</span>" in head
    assert "<strong>Tutorial data.</strong>" in head
    assert '<p class="ribbon stale" id="stale">' in head
    assert '<p class="ribbon stale" id="stale" hidden>' in html_of()
    assert "Tutorial" not in html_of()


def test_the_settings_hold_from_when_on_each_part_is_stale() -> None:
    content = page_content(parts=(PartState("Exchanges", "now", False, False, (FRESH, OLD)),))

    def parts(content: PageContent) -> object:
        (text,) = [text for _, a, text in Elements(html_of(content)).blocks if a.get("id") == "page-settings"]
        return json.loads(text)["parts"]

    assert parts(content) == [
        {"label": "Exchanges", "stale_at": 1_000, "tables": [[5_000, FRESH.words], [1_000, OLD.words]]}
    ]
    assert parts(replace(content, is_tutorial=True)) == [{"label": "Exchanges", "stale_at": None, "tables": []}]


def test_the_first_screen_is_html() -> None:
    page = html_of()
    first = page[page.index("<main") : page.index('id="coins"')]

    for words in ("$2.2T", "+2.4% in a week", "2 unusual changes", "<b>+$1.3B</b>", "+1.5", "\u22123.2", "+120"):
        assert words in first, words
    assert first.count("<svg") == 2, "a tile and a row have a line, the other row has no values"


def test_tables_without_a_chart_are_html_and_others_wait_for_the_reader() -> None:
    page = html_of()

    assert "\u22121.2</td>" in page
    assert "+9,870.0</td>" in page
    assert 'data-v="2026-01-01">1 Jan 2026</td>' in page
    assert page.count("<table") == 2, "gains, and the table of exchanges"


def test_the_data_of_two_cards_is_in_the_page_once() -> None:
    shared = controlled_card()
    cards = (shared, controlled_card(key="coins-again", dataset=shared.dataset))
    once, twice = (len(html_of(page_content([Section("coins", "Coins", some)]))) for some in (cards[:1], cards))
    assert twice - once < 6_000


def test_two_datasets_of_one_name_are_a_mistake() -> None:
    cards = (controlled_card(("a", "b")), controlled_card(("c", "d"), key="coins-others"))
    with pytest.raises(ValueError, match="two datasets of the page are called curves"):
        html_of(page_content([Section("coins", "Coins", cards)]))


def test_the_control_bar_stands_around_the_sections_that_it_sets() -> None:
    sections = [
        Section("funds", "Funds", (plain_card(),)),
        Section("coins", "Coins", (controlled_card(),)),
        Section("exchanges", "Exchanges", (table_card(),)),
    ]
    page = html_of(page_content(sections))
    bar, end = page.index('<form class="controls"'), page.index('</div>\n<section id="exchanges"')

    assert page.index('id="funds"') < bar < page.index('id="coins"') < end
    assert '<form class="controls"' not in html_of(page_content(sections[:1]))
    assert '<form class="controls"' not in html_of(page_content(sections, controls={"base": [("b0", "US dollar")]}))


def test_sections_with_nothing_are_left_out_and_their_notes_are_shown() -> None:
    page = html_of(page_content([Section("a", "Empty", ()), Section("b", "Missing", (), ("Nothing is known of it.",))]))
    assert "Empty" not in page
    assert "Nothing is known of it." in page


def test_the_licences_of_the_scripts_are_in_the_page() -> None:
    page = markup.unescape(html_of())
    assert "vega 6." in page
    assert "Redistribution and use in source and binary forms" in page


def test_a_chart_says_how_many_points_it_leaves_out() -> None:
    card = controlled_card()
    thinned = controlled_card(dataset=card.dataset.__class__(card.dataset.name, card.dataset.rows, 2161))
    assert "at most 300 of 2161 points" in html_of(page_content([Section("coins", "Coins", (thinned,))]))
    assert "at most 300" not in html_of()


@pytest.mark.parametrize(
    ("sentence", "bold"),
    [
        ("Gold took in +$1.3B, 4.6% of it.", ["+$1.3B", "4.6%"]),
        ("On 4 Mar 2026 it ranks 2, \u221212.0% in 28 days.", ["\u221212.0%"]),
        ("$5B to $10B fell 3 %.", ["$5B", "$10B", "3 %"]),
        ("Its share rose +1.1 pp, to 61.2 ppm.", ["+1.1 pp"]),
        ("Nothing <b>new</b>.", []),
    ],
)
def test_amounts_and_percentages_are_bold(sentence: str, bold: list[str]) -> None:
    made = str(emphasised(sentence))
    assert re.findall("<b>(.*?)</b>", made) == bold
    assert markup.unescape(re.sub("</?b>", "", made)) == sentence


def test_amounts_in_a_name_are_not_bold() -> None:
    made = emphasised("$1B to $5B: +3.1% in a day", "$1B to $5B")
    assert made == "$1B to $5B: <b>+3.1%</b> in a day"


def test_an_amount_in_a_title_is_never_broken() -> None:
    """A title ended its first line with the minus of −$8.2B."""
    made = unbroken("Price \N{MINUS SIGN}$7.3B of \N{MINUS SIGN}$8.2B <in> 28 days")
    amounts = [f'<span class="amount">\N{MINUS SIGN}{each}</span>' for each in ("$7.3B", "$8.2B")]
    assert made == f"Price {amounts[0]} of {amounts[1]} &lt;in&gt; 28 days"


def test_a_place_that_is_not_in_the_page_gives_way_to_its_section() -> None:
    anchors = {"coins", "coins-index"}
    assert place_of("#coins-index", anchors) == "#coins-index"
    assert place_of("#coins-breadth", anchors) == "#coins"
    assert place_of("#cross-asset-flows", {"cross-asset"}) == "#cross-asset"
    assert place_of("#funds-flows", anchors) == ""
    assert place_of("javascript:alert(1)", anchors) == ""


def test_heat_is_by_column_and_sign() -> None:
    rows = [GainRow(str(gain), (), {"1d": gain, "4w": 10 * gain}) for gain in (-3.0, -1.0, 0.0, 2.0, 3.0)]
    heat = heat_of(rows)
    assert [heat("1d", gain) for gain in (-3.0, -1.0, 0.0, 2.0, 30.0)] == [
        "heat-n3",
        "heat-n1",
        "heat-0",
        "heat-p2",
        "heat-p3",
    ]
    assert heat("4w", 3.0) == "heat-p1"
    assert heat("4w", None) == "heat-none"


def test_gains_are_short() -> None:
    assert [gain_text(gain) for gain in (None, 0.04, -3.21, 1234.5)] == ["\u2013", "0.0", "\u22123.2", "+1,234"]


def test_a_card_without_a_series_has_no_legend() -> None:
    card: Card = controlled_card(series=(), series_key=None)
    assert 'class="legend"' not in html_of(page_content([Section("coins", "Coins", (card,))]))


def test_the_page_has_theme_and_watermark_of_the_settings() -> None:
    usual, made = html_of(page_content()), html_of(page_content(look=Look(theme="dark", watermark="<b>Desk 4")))
    assert ("data-theme=dark" in usual.partition("<head>")[0], 'class="watermark"' in usual) == (False, False)
    assert "data-theme=dark" in made.partition("<head>")[0]
    assert "&lt;b&gt;Desk 4" in made


def test_sentences_of_the_weeks_before_stand_below_those_of_the_day() -> None:
    made = html_of(page_content(earlier=[statement(text="Long ago it was 3.0%.")]))
    assert "Long ago it was <b>3.0%</b>." in made.partition("Earlier, in four weeks")[2]


def test_a_page_begins_with_the_mark_of_this_program() -> None:
    """By which it is known from a file of somebody else, and may be replaced."""
    assert b'<meta name="generator" content="marketflows">' in html_of().encode()[:2048]
