"""What services call things, and the ids they give: made presentable or left out, in every answer that has any."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import polars as pl
import pytest

from marketflows_pipeline.providers import parsing
from marketflows_pipeline.providers.coingecko.exchange_parsers import read_exchanges, read_trending
from marketflows_pipeline.providers.coingecko.parsers import (
    read_categories,
    read_category_snapshot,
    read_coins,
    read_markets,
)
from marketflows_pipeline.providers.coinpaprika.parsers import read_coins as read_paprika_coins
from marketflows_pipeline.providers.coinpaprika.parsers import read_tags, read_tickers
from marketflows_pipeline.providers.defillama.parsers import read_cexs, read_exchange_protocols
from marketflows_pipeline.providers.defillama.reserves_parser import read_reserves
from marketflows_pipeline.providers.http.responses import ParseError, Response, one_line
from marketflows_pipeline.providers.parsing import Figure, is_address, parse_row
from marketflows_pipeline.system.printable import EXCERPT_LENGTH, NAME_LENGTH, UNNAMED, presentable_name
from marketflows_pipeline.transforms.time_span import COINS_SINCE, TimeSpan
from marketflows_pipeline_tests.hostile_names import HARMLESS_NAMES, HOSTILE_NAMES, dangerous

Row: TypeAlias = dict[str, Any]

NOW = datetime(2026, 10, 10, 12, 0, tzinfo=UTC)
SPAN = TimeSpan.ever(COINS_SINCE, now=NOW)
SECOND = 1_791_000_000
LONG_ID = "x" * 201
BAD_IDS = ("a\0b", "a\nb", "a\x9bb", "\u202eb", "b\u200b", "\ud800", "\uffff", LONG_ID)
HALF = "half a character"


def market(**named: Any) -> Row:
    figures = {"market_cap": 1e9, "current_price": 2.5, "total_volume": 3, "price_change_percentage_24h": -1.5}
    return {"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", **figures, **named}


def exchange(**named: Any) -> Row:
    return {"id": "kraken", "name": "Kraken", "trade_volume_24h_btc": 12.5, **named}


def trending(**named: Any) -> Row:
    return {"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "market_cap_rank": 1, "price_btc": 0.5, **named}


def coin(**named: Any) -> Row:
    return {"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", **named}


def cex(**named: Any) -> Row:
    return {"name": "Kraken", "slug": "kraken", "cgId": "kraken", "currentTvl": 1e9, **named}


def protocol(**named: Any) -> Row:
    return {"name": "Uniswap", "slug": "uniswap", "category": "Dexs", "tvl": 1e9, "symbol": "UNI", **named}


def ticker(**named: Any) -> Row:
    quote = {"price": 2.5, "volume_24h": 3, "market_cap": 1_000_000_000}
    return {"id": "btc-bitcoin", "symbol": "btc", "name": "Bitcoin", "quotes": {"USD": quote}, **named}


def read_tagged(rows: list[Row]) -> pl.DataFrame:
    tags = read_tags(rows)
    return pl.DataFrame({"id": [*tags], "name": [tag.name for tag in tags.values()]})


def read_listed(rows: list[Row]) -> pl.DataFrame:
    return read_categories([row | {"category_id": row["id"]} for row in rows])


READERS: dict[str, tuple[Callable[..., Row], Callable[[list[Row]], pl.DataFrame], tuple[str, ...], tuple[str, ...]]] = {
    "markets": (
        market,
        lambda rows: read_markets(rows, with_rehypothecated=False, now=NOW),
        ("id",),
        ("name", "symbol"),
    ),
    "coins": (coin, read_coins, ("id",), ("name", "symbol")),
    "categories": (coin, read_listed, ("id",), ("name",)),
    "category snapshot": (coin, read_category_snapshot, ("id",), ("name",)),
    "tickers": (ticker, lambda rows: read_tickers(rows, NOW).rows, ("id",), ("name",)),
    "coins of CoinPaprika": (coin, read_paprika_coins, ("id",), ("name",)),
    "tags": (coin, read_tagged, ("id",), ("name",)),
    "exchanges": (exchange, read_exchanges, ("id",), ("name",)),
    "trending": (
        trending,
        lambda rows: read_trending({"coins": [{"item": row} for row in rows]}),
        ("id",),
        ("name", "symbol"),
    ),
    "cexs": (
        cex,
        lambda rows: read_cexs(json.dumps({"cexs": rows})).exchanges,
        ("slug", "cgId", "cgSpotId"),
        ("name",),
    ),
    "protocols": (
        protocol,
        lambda rows: read_exchange_protocols(json.dumps(rows)),
        ("slug", "parentProtocol"),
        ("name", "symbol"),
    ),
}
ALL_NAMES = [(reader, key) for reader, (_, _, _, names) in READERS.items() for key in names]
ALL_IDS = [(reader, key) for reader, (_, _, ids, _) in READERS.items() for key in ids]


@pytest.mark.parametrize(("reader", "key"), ALL_NAMES)
def test_a_name_is_stored_presentable(reader: str, key: str) -> None:
    """A name of 5,000 letters, and one that cleared the screen, were stored as they came."""
    make, read, _, _ = READERS[reader]
    for attack, name in HOSTILE_NAMES.items():
        if attack == HALF:
            continue
        (stored,) = read([make(**{key: name})])[key]
        assert stored == (presentable_name(name) if stored is not None else None)
        assert dangerous(stored or "", allowed="") == set()
    for name in HARMLESS_NAMES:
        assert read([make(**{key: name})])[key].to_list() == [name]


@pytest.mark.parametrize(("reader", "key"), ALL_IDS)
@pytest.mark.parametrize("bad", BAD_IDS)
def test_a_row_whose_id_cannot_be_shown_is_left_out(
    reader: str, key: str, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A NUL in an id was stored, and half a character in one ended the run in a UnicodeEncodeError."""
    make, read, _, _ = READERS[reader]
    sound = make()
    odd = make(**{key: bad, "name": "Odd"}) | ({"id": bad} if key == "id" else {})
    with caplog.at_level(logging.WARNING):
        rows = read([sound, odd])

    assert rows.height == 1
    (message,) = caplog.messages
    assert "1 of 2 rows left out" in message
    assert dangerous(message, allowed="") == set()


@pytest.mark.parametrize("reader", READERS)
def test_an_id_of_200_characters_is_one(reader: str) -> None:
    make, read, ids, _ = READERS[reader]

    assert read([make(**{ids[0]: "x" * 200})]).height == 1


@pytest.mark.parametrize("reader", READERS)
def test_a_name_of_nothing_has_a_stand_in(reader: str) -> None:
    make, read, _, _ = READERS[reader]

    assert read([make(name="\u200b\u2800\u3164")])["name"].to_list() == [UNNAMED]


def test_own_tokens_and_chains_are_presentable_and_none_reads_as_two() -> None:
    rows = [cex(coinSymbol="B\u200bNB", ownTokens=["A,B", "\x1b[2J", "T" * 500])]
    (row,) = read_cexs(json.dumps({"cexs": rows})).exchanges.to_dicts()
    (other,) = read_exchange_protocols(json.dumps([protocol(chains=["Ether\neum", "a,b"])])).to_dicts()

    assert row["coin_symbol"] == "BNB"
    assert row["own_tokens"].split(",") == ["BNB", "[2J", "T" * (NAME_LENGTH - 1) + "…"]
    assert other["chains"] == "Ether eum"


def test_ids_that_a_list_names_are_ids() -> None:
    listed = read_cexs(json.dumps({"cexs": [cex()], "cg_volume_cexs": ["gdax", "a\0", LONG_ID, 7, None]}))

    assert listed.centralised_ids == ("gdax", "kraken")


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://www.kraken.com/a?b=c#d", True),
        (" http://x.example ", True),
        ("javascript:alert(1)", False),
        ("data:text/html,<script>", False),
        ("https://x.example/\x1b[2J", False),
        ("https://x.example/a b", False),
        ('https://x.example/"onload=alert(1)', False),
        ("https://x\u202e.example", False),
        ("https://" + "x" * 3000, False),
        ("www.kraken.com", False),
        (7, False),
        (None, False),
    ],
)
def test_an_address_leads_to_a_web_page_or_is_none(url: object, kept: bool) -> None:
    """A script in place of a link would run for whoever follows it from a page."""
    (row,) = read_exchanges([exchange(url=url)]).to_dicts()
    assert row["url"] == (str(url).strip() if kept else None)
    assert is_address(str(url).strip()) == kept


def test_a_token_whose_symbol_cannot_be_shown_is_left_out_once_and_costs_no_record(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Anybody can send a token of any symbol to a wallet: it must not cost the exchange its reserves."""
    held = {"BTC": 1.0, "B\u200bTC": 2.0, "\x1b[2J": 3.0, LONG_ID: 4.0, "\u9f8d": 5.0}
    days = [SECOND + day * 86_400 for day in range(-9, 1)]
    body = {
        "tvl": [{"date": day, "totalLiquidityUSD": 1.0} for day in days],
        "tokens": [{"date": day, "tokens": held} for day in days],
        "tokensInUsd": [{"date": day, "tokens": held} for day in days],
    }
    with caplog.at_level(logging.WARNING):
        history = read_reserves(json.dumps(body).encode(), "kraken", TimeSpan.ever(COINS_SINCE, now=NOW))

    assert set(history.balances["token"]) == {"BTC", "\u9f8d"}
    assert history.balances.height == 20
    (message,) = caplog.messages
    assert "3 records or figures in them left out" in message
    assert dangerous(message, allowed="") == set()


@pytest.mark.parametrize("attack", HOSTILE_NAMES)
def test_what_a_service_says_is_quoted_in_one_harmless_line(attack: str) -> None:
    """A page of errors once put lines of its own into the log."""
    said = one_line(HOSTILE_NAMES[attack])

    assert dangerous(said, allowed="") == set()
    assert len(said) <= EXCERPT_LENGTH + 1


def test_an_excerpt_of_an_answer_spells_out_what_cannot_be_shown() -> None:
    answer = Response(500, {}, b"\x1b[2Jgone\n2026-01-01 INFO ok \xc2\x9b31m")
    page = Response(500, {"content-type": "text/html"}, b"<title>a\x1b]0;owned\x07</title>")

    assert answer.excerpt == r"\x1b[2Jgone 2026-01-01 INFO ok \x9b31m"
    assert dangerous(page.excerpt, allowed="") == set()


class Capped(parsing.Row):
    cap: Figure


@pytest.mark.parametrize("value", ["\x1b[2J", ["\x1b"], {"\x1b\u202e": 1}, "\ud800"])
def test_a_fault_of_a_field_quotes_it_harmlessly(value: object) -> None:
    with pytest.raises(ParseError) as caught:
        parse_row({"cap": value}, Capped, [])
    assert dangerous(str(caught.value), allowed="") == set()
