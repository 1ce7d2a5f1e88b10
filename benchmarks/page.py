"""Measure the page: how long writing it takes, and how long a browser takes to show it and to answer a control.

    python -m benchmarks.page FOLDER

FOLDER is where ``marketflows --tutorial`` has run. Every part of the page is made anew, then Debian's Chromium opens it
five times without a network, each time with nothing kept; prints medians as JSON, also for a page of made-up figures
with 50 narratives and 300 coins. Two idle processors are meant.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from marketflows_pipeline.report.bundle import read_bundle
from marketflows_pipeline_tests.report.large_page import large_page

ROUNDS = 5
# Noted in the page: when the first chart stands, and when the last mark moved.
_WATCH = """
window.seen = {first: null, last: null};
new MutationObserver(all => {
  seen.last = performance.now();
  for (const each of all)
    if (each.attributeName === 'data-state' && each.target.dataset.state === 'drawn') seen.first ??= performance.now();
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
_PRESS = """
name => new Promise(done => {
  const begin = performance.now();
  document.querySelector(name).click();
  setTimeout(() => done((seen.last - begin) / 1000), 2000);
})
"""


def writing(folder: Path) -> dict[str, float]:
    """Seconds that a page takes with Altair loaded: all sections new, then all as they were."""
    os.chdir(folder)
    import altair as alt  # noqa: PLC0415 (loaded before the clock runs, as in a run)

    from marketflows_pipeline.clock import SystemClock  # noqa: PLC0415
    from marketflows_pipeline.options import RunOptions  # noqa: PLC0415
    from marketflows_pipeline.report.build import SectionCache  # noqa: PLC0415
    from marketflows_pipeline.report.places import write_after_publish  # noqa: PLC0415
    from marketflows_pipeline.run_context import read_settings  # noqa: PLC0415

    assert alt
    options, cache, found = RunOptions(tutorial=True), SectionCache(), {}
    bundle = read_bundle()
    if bundle is None:
        raise SystemExit("the page's scripts are missing: make setup")
    settings = read_settings(options, os.environ)
    for name in ("first_s", "again_s"):
        begin = time.perf_counter()
        written = write_after_publish(settings, options, bundle, SystemClock().now(), cache)
        found[name] = time.perf_counter() - begin
    return {**found, "size_mb": written.path.stat().st_size / 1e6}


def showing(page: Path) -> dict[str, float]:
    """Medians of seconds until the brief, the first chart and all charts stand, and until a control has answered."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    chromium = shutil.which("chromium") or sys.exit("there is no chromium: apt-get install chromium")
    rounds: list[dict[str, float]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(ROUNDS):
            context = browser.new_context(offline=True, viewport={"width": 1440, "height": 1000})
            context.add_init_script(_WATCH)
            opened = context.new_page()
            opened.goto(page.as_uri())
            while opened.evaluate("document.documentElement.dataset.charts") != "all":
                time.sleep(0.05)
            paint: Any = opened.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            seen: Any = opened.evaluate("seen")
            rounds.append(
                {
                    "brief_s": paint / 1000,
                    "first_chart_s": seen["first"] / 1000,
                    "all_charts_s": seen["last"] / 1000,
                    "control_s": opened.evaluate(_PRESS, "input[name=order][value='1']"),
                }
            )
            context.close()
        browser.close()
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the page")
    parser.add_argument("folder", type=Path, help="where the tutorial has run")
    given = parser.parse_args().folder.resolve()
    with tempfile.TemporaryDirectory() as copy:
        folder = Path(copy) / "tutorial"
        shutil.copytree(given, folder, symlinks=True)
        found = {"writing": writing(folder), "showing": showing(folder / "report_tutorial" / "index.html")}
        large = Path(copy) / "large.html"
        large.write_text(large_page(read_bundle() or ""), encoding="utf-8")
        found["showing_50_narratives"] = showing(large)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
