"""JSON of extremes: nested, wide, long; each reader ends in a bad answer, in bounded time and memory."""

from __future__ import annotations

import sys
from collections.abc import Callable
from subprocess import run
from typing import Any

import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.providers.coingecko.parsers import read_categories, read_coins
from marketflows_pipeline.providers.defillama.parsers import read_cexs, read_exchange_protocols
from marketflows_pipeline.providers.defillama.reserves_parser import read_reserves
from marketflows_pipeline.providers.http.response_body import parsed
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError
from marketflows_pipeline.providers.volatility.csv_parser import MAX_LINE_LETTERS, MAX_LINES, VIX, Layout, read_closes
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan
from marketflows_pipeline_tests.fakes.generate import START

DEEP = ["[" * 200_000, '{"tvl":' * 200_000, '{"cexs":' + "[" * 100_000, '{"x":' + "[" * 100_000 + "]" * 100_000 + "}"]
NOW = FixedClock(START).now()


def reserves(text: str) -> object:
    return read_reserves(text.encode(), "binance-cex", TimeSpan.ever(COINS_SINCE, now=NOW))


@pytest.mark.parametrize("read", [read_cexs, read_exchange_protocols, reserves])
@pytest.mark.parametrize("text", DEEP)
def test_what_is_nested_beyond_measure_is_a_bad_answer(read: Callable[[str], object], text: str) -> None:
    """`[` 200,000 times over was a RecursionError, and a traceback."""
    with pytest.raises((ParseError, FailedResponseError)):
        parsed(read, text)


@pytest.mark.parametrize("read", [read_coins, read_categories])
def test_what_is_parsed_and_nested_is_a_bad_answer_too(read: Callable[[object], object]) -> None:
    nested: Any = []
    for _ in range(50_000):
        nested = [nested]
    with pytest.raises(ParseError):
        parsed(read, nested)
    while nested:
        nested = nested.pop()


STRING_WITHOUT_END = """
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
from marketflows_pipeline.providers.parsing import strict_json
for content in (b'"' + b"x" * 4_000_000, b'"' + b"x" * 4_000_000 + b'"', b'"' + b"\\\\\\\\a" * 700_000):
    assert strict_json(content) == content
"""


@pytest.mark.slow
def test_a_long_string_is_passed_over_in_little_memory() -> None:
    """Each of its letters was remembered as a place to backtrack to, at a thousand times the memory of the string."""
    outcome = run([sys.executable, "-c", STRING_WITHOUT_END], capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stderr[-2000:]


@pytest.mark.parametrize(
    "text", ["\n" * (MAX_LINES + 1), "DATE,CLOSE\n" + "," * (MAX_LINE_LETTERS + 1), "x" * 1_000_000, "\x0b" * 1_000_000]
)
def test_a_file_of_closes_beyond_every_history_is_refused(text: str) -> None:
    """A file of 60 MB of line breaks became as many lists, and 10 GB."""
    layout = Layout({"date"}, {"close"}, "%m/%d/%Y")
    with pytest.raises(ParseError, match=r"lines|letters"):
        read_closes(text, layout, index_name=VIX, source="test", now=NOW)
