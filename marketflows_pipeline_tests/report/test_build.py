"""From a published file to a page: what fails costs no more than itself, and what did not change is not made again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from marketflows_pipeline.charts.rendering.manifest import Entry, Manifest
from marketflows_pipeline.report import build
from marketflows_pipeline.report.build import SectionCache, page_of
from marketflows_pipeline.report.first_screen import tiles_of
from marketflows_pipeline.report.model import Section
from marketflows_pipeline.report.published import PublishedFile, open_published_file
from marketflows_pipeline.report.sections import SECTIONS
from marketflows_pipeline.report.writing import Place
from marketflows_pipeline_tests.report.content import NO_SCRIPTS
from marketflows_pipeline_tests.report.sections import published_coins as data


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.publish_coins(tmp_path_factory.mktemp("coins"))


@pytest.fixture
def file(published: Path) -> Iterator[PublishedFile]:
    with open_published_file(published, is_tutorial=False, now=data.NOW) as opened:
        yield opened


class Counted:
    """A section that counts how often it is made, from two tables."""

    def __init__(self) -> None:
        self.count = 0
        self.__name__ = "counted_section"

    def __call__(self, file: PublishedFile) -> Section:
        self.count += 1
        file.has("mart.percent_gains")
        file.frame("select count(*) from accepted.coins")
        return Section("counted", f"Made {self.count} times", ())


def state(file: PublishedFile, table: str, **changes: Any) -> None:
    """Pretend that a table was published in another way."""
    file._published = {**file._published, table: {**file.publish_row(table), **changes}}


def test_a_section_is_made_again_once_its_tables_are_published_anew(file: PublishedFile) -> None:
    cache, section = SectionCache(), Counted()
    assert cache.section(section, file) is cache.section(section, file)

    state(file, "core.series", run_id="another")
    assert cache.section(section, file).title == "Made 1 times", "it was not asked"
    state(file, "raw.coins", run_id="another")
    assert cache.section(section, file).title == "Made 2 times"
    state(file, "mart.percent_gains", n_rows=0)
    assert cache.section(section, file).title == "Made 3 times"


def test_a_section_is_not_shown_for_long(file: PublishedFile) -> None:
    cache, section = SectionCache(), Counted()
    cache.section(section, file)
    file.now += timedelta(minutes=10)
    assert cache.section(section, file).title == "Made 1 times"
    file.now += timedelta(seconds=1)
    assert cache.section(section, file).title == "Made 2 times"


def test_a_part_of_the_page_that_fails_is_said_to_be_missing(
    file: PublishedFile, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def broken_section(_: PublishedFile) -> Section:
        raise ZeroDivisionError("a line\nand another")

    def broken(_: PublishedFile) -> None:
        raise KeyError("events")

    monkeypatch.setattr(build, "SECTIONS", (broken_section, Counted()))
    for name in ("told_brief", "tiles_of", "gains_of", "control_options"):
        monkeypatch.setattr(build, name, broken)
    html = page_of(file, NO_SCRIPTS, pictures=tmp_path, command="marketflows sql").at(Place(tmp_path / "index.html"))

    assert "This section is missing." in html
    assert [record.getMessage() for record in log.records] == [
        "the page is without its section broken: ZeroDivisionError: a line and another",
        "the page is without its brief: KeyError: 'events'",
        "the page is without its gains: KeyError: 'events'",
        "the page is without its tiles: KeyError: 'events'",
        "the page is without its control bar: KeyError: 'events'",
    ]


@pytest.mark.slow
def test_the_page_links_what_lies_beside_it(
    file: PublishedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.path.parents[1])
    page = page_of(file, NO_SCRIPTS, pictures=tmp_path / "my pictures", command="marketflows sql")
    place = Place(tmp_path / "report" / "index.html", "archive/2026-11-19.html")
    assert 'href="archive/2026-11-19.html"' in page.at(place)
    assert '<code id="published">warehouse/marketflows.duckdb</code>' in page.at(place)
    assert "my%20pictures" not in page.at(place), "none is drawn yet"

    card = next(card for build_ in SECTIONS for card in build_(file).cards if card.pictures)
    manifest = Manifest(tmp_path / "my pictures", dict.fromkeys(card.pictures, Entry("market_caps", "", "")))
    monkeypatch.setattr(Manifest, "read", lambda _: manifest)
    assert f'href="../my%20pictures/{card.pictures[0]}"' in page.at(place)
    assert f'href="../../my%20pictures/{card.pictures[0]}"' in page.at(Place(tmp_path / "report/archive/x.html"))


@pytest.mark.slow
def test_every_tile_leads_to_a_card(file: PublishedFile) -> None:
    cards = {f"#{card.key}" for section in SECTIONS for card in section(file).cards}
    wanted = {tile.href for tile in tiles_of(file)}
    assert "#dominance" in wanted
    assert wanted <= cards
