"""axe-core on an open page."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from playwright.sync_api import Page

_WORDS = """
result => result.violations.map(each => `${each.id}: ${each.help}: ${each.nodes.map(node => node.html).join(' | ')}`)
"""


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, a line each; it sees no contrast within charts, which the theme's test computes."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: Any = page.evaluate(f"() => axe.run(document, {{resultTypes: ['violations']}}).then({_WORDS.strip()})")
    return [str(each) for each in found]
