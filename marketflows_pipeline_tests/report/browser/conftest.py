"""Pages in Debian's Chromium, without a network; where there is no browser, these tests say so and are skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from marketflows_pipeline.report.bundle import make_bundle, read_bundle

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A busy machine takes long; nothing is waited for that long where all is well.
PATIENCE_MS = 180_000
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


@dataclass
class Opened:
    """A page in the browser, and what it has said and asked for.

    Attributes:
        page: to act on.
        messages: of the console, and errors that nobody caught.
        requests: addresses that were asked for, the page's own first.
        dialogs: texts of dialogs.
    """

    page: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def all_drawn(self) -> None:
        """Wait until every chart that is shown has been drawn, or has failed."""
        expect(self.page.locator("html")).to_have_attribute("data-charts", "all", timeout=PATIENCE_MS)

    def drawn(self, key: str) -> None:
        expect(self.page.locator(f'[data-chart="{key}"]')).to_have_attribute("data-state", "drawn", timeout=PATIENCE_MS)

    def lines(self, key: str) -> list[str]:
        """Paths of the lines of a chart."""
        found: list[str] = self.page.evaluate(
            "key => [...document.querySelectorAll(`[data-chart='${key}'] .mark-line path`)]"
            ".map(path => path.getAttribute('d'))",
            key,
        )
        return found


class Open(Protocol):
    """Opens a page's text in the browser; further arguments are those of a browser context."""

    def __call__(self, text: str, **context: Any) -> Opened: ...


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser of this file: as long as one is open, Playwright's event loop runs in the process of the tests."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium is installed: the page is not tested in a browser (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The scripts of the page, as they are kept or made anew."""
    return read_bundle() or make_bundle(tmp_path_factory.mktemp("scripts"))


@contextmanager
def opening(browser: Browser, folder: Path) -> Iterator[Open]:
    """Opens pages, each in a context of its own, and closes them in the end."""
    contexts: list[BrowserContext] = []

    def open_page(text: str, **options: Any) -> Opened:
        place = folder / f"page {len(contexts)}.html"
        place.write_text(text, encoding="utf-8")
        usual = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        context = browser.new_context(offline=True, **(usual | options))
        context.set_default_timeout(PATIENCE_MS / 3)
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda message: opened.messages.append(_said(message)))
        opened.page.on("pageerror", lambda error: opened.messages.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(_asked(request)))
        opened.page.on("dialog", lambda dialog: _dismiss(dialog, opened))
        opened.page.goto(place.as_uri())
        return opened

    try:
        yield open_page
    finally:
        for context in contexts:
            context.close()


@pytest.fixture(scope="module")
def open_page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    with opening(browser, tmp_path_factory.mktemp("pages")) as opens:
        yield opens


def _said(message: ConsoleMessage) -> str:
    return f"{message.type}: {message.text}"


def _asked(request: Request) -> str:
    return request.url


def _dismiss(dialog: Dialog, opened: Opened) -> None:
    opened.dialogs.append(dialog.message)
    dialog.dismiss()
