"""Parsers of DefiLlama's exchanges and protocols: JSON to frames.

Shapes: the official OpenAPI file, which abridges them, and the service's published source. Data provided by DefiLlama.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import msgspec
import polars as pl

from marketflows_pipeline.providers.bad_rows import refuse_empty
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.parsing import Figure, NotBlank, Row, decode, is_address, parse_list, parse_row
from marketflows_pipeline.providers.protocols.exchanges import CEX_SCHEMA, PROTOCOL_SCHEMA, CexOverview
from marketflows_pipeline.system.printable import is_identity, presentable

EXCHANGE_CATEGORIES = frozenset({"CEX", "Dexs"})
NO_SYMBOL = "-"


class _Cex(Row, rename="camel"):
    ids = ("slug", "cg_id", "cg_spot_id")
    names = ("name",)
    name: NotBlank
    slug: str | None = None
    coin: str | None = None
    coin_symbol: str | None = None
    own_tokens: list[str] | None = None
    cg_id: str | None = None
    cg_spot_id: str | None = None
    current_tvl: Figure = None
    clean_assets_tvl: Figure = None
    inflows_24h: Figure = msgspec.field(default=None, name="inflows_24h")
    inflows_1w: Figure = msgspec.field(default=None, name="inflows_1w")
    inflows_1m: Figure = msgspec.field(default=None, name="inflows_1m")
    spot_volume: Figure = None
    deriv_volume: Figure = None
    oi: Figure = None
    leverage: Figure = None

    def __post_init__(self) -> None:
        self.slug = slugify(self.slug or "") or None


class _Cexs(msgspec.Struct):
    cexs: list[msgspec.Raw]
    cg_volume_cexs: list[object] | None = None


class _Kind(msgspec.Struct):
    category: object = None


class _Protocol(Row, rename={"parent_protocol": "parentProtocol"}):
    ids = ("slug", "parent_protocol")
    names = ("name",)
    name: NotBlank
    slug: NotBlank
    category: str
    symbol: str | None = None
    parent_protocol: str | None = None
    chains: list[str] | None = None
    tvl: Figure = None
    change_1d: Figure = None
    change_7d: Figure = None
    mcap: Figure = None
    url: str | None = None

    def __post_init__(self) -> None:
        self.slug = slugify(self.slug)
        if not self.slug:
            raise ValueError("`slug` is blank")


_CEXS = msgspec.json.Decoder(_Cexs)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_KIND = msgspec.json.Decoder(_Kind)


def read_cexs(text: str) -> CexOverview:
    """The overview of centralised exchanges.

    A figure that is absent, null or, where it is an amount, negative is null. An exchange with a field that is not of
    the documented type, or a figure that is no finite number, is left out, with a warning. An exchange that is listed
    is centralised under its own id too, since the list of ids spells some differently from CoinGecko.

    Raises:
        ParseError: no list of exchanges, an empty one, or too many of them would be left out.
        FailedResponseError: truncated or not JSON.
    """
    overview = decode(_CEXS, text)
    rows = parse_list(overview.cexs, lambda row, nulls: parse_row(row, _Cex, nulls), what="defillama /cexs", key="name")
    refuse_empty(rows, "list of exchanges")
    exchanges = pl.DataFrame(
        {
            "name": [row.name for row in rows],
            "slug": [row.slug for row in rows],
            "coingecko_id": [row.cg_id or row.cg_spot_id or None for row in rows],
            "coin_symbol": [presentable(row.coin_symbol or row.coin or "") or None for row in rows],
            "own_tokens": [_listed([row.coin_symbol, row.coin, *(row.own_tokens or [])]) for row in rows],
            "current_tvl_usd": [_amount(row.current_tvl) for row in rows],
            "clean_assets_tvl_usd": [_amount(row.clean_assets_tvl) for row in rows],
            "inflows_24h_usd": [row.inflows_24h for row in rows],
            "inflows_1w_usd": [row.inflows_1w for row in rows],
            "inflows_1m_usd": [row.inflows_1m for row in rows],
            "spot_volume_usd": [_amount(row.spot_volume) for row in rows],
            "derivatives_volume_usd": [_amount(row.deriv_volume) for row in rows],
            "open_interest_usd": [_amount(row.oi) for row in rows],
            "leverage": [_amount(row.leverage) for row in rows],
        },
        schema=CEX_SCHEMA,
    ).unique("name", keep="first", maintain_order=True)
    listed_ids = (each for each in overview.cg_volume_cexs or [] if isinstance(each, str) and is_identity(each))
    return CexOverview(exchanges, tuple(dict.fromkeys(filter(None, chain(listed_ids, exchanges["coingecko_id"])))))


def read_exchange_protocols(text: str) -> pl.DataFrame:
    """The protocols of the categories CEX and Dexs in PROTOCOL_SCHEMA, in the service's order, each slug once.

    Rows of other categories, nine in ten, are not checked. A row with a field that is not of the documented type, or a
    figure that is no finite number, is left out, with a warning.

    Raises:
        ParseError: no list, an empty one, or too many of these rows would be left out.
        FailedResponseError: truncated or not JSON.
    """
    listed = decode(_ROWS, text)
    refuse_empty(listed, "list of protocols")
    rows = parse_list(listed, _exchange_protocol, what="defillama /protocols", key="name")
    return pl.DataFrame(
        {
            "slug": [row.slug for row in rows],
            "name": [row.name for row in rows],
            "category": [row.category for row in rows],
            "symbol": [None if row.symbol == NO_SYMBOL else presentable(row.symbol or "") or None for row in rows],
            "parent_protocol": [row.parent_protocol or None for row in rows],
            "chains": [_listed(row.chains or []) for row in rows],
            "tvl_usd": [_amount(row.tvl) for row in rows],
            "change_1d_pct": [row.change_1d for row in rows],
            "change_7d_pct": [row.change_7d for row in rows],
            "mcap_usd": [_amount(row.mcap) for row in rows],
            "url": [row.url if is_address(row.url or "") else None for row in rows],
        },
        schema=PROTOCOL_SCHEMA,
    ).unique("slug", keep="first", maintain_order=True)


def slugify(name: str) -> str:
    """A name or slug as the service writes it in its URLs: lower case, no blanks or apostrophes."""
    return name.strip().lower().replace(" ", "-").replace("'", "")


def _exchange_protocol(row: msgspec.Raw, nulls: list[ParseError]) -> _Protocol | None:
    """A row of an exchange, or None for one of another category."""
    try:
        category = _KIND.decode(row).category
    except msgspec.DecodeError as error:
        raise ParseError(str(error)) from error
    is_wanted = isinstance(category, str) and category in EXCHANGE_CATEGORIES
    return parse_row(row, _Protocol, nulls) if is_wanted else None


def _listed(names: Iterable[str | None]) -> str | None:
    """Names in one cell; one with a comma would read as two, and is dropped."""
    shown = (presentable(name) for name in names if name and "," not in name)
    return ",".join(dict.fromkeys(filter(None, shown))) or None


def _amount(figure: Figure) -> Figure:
    return figure if figure is not None and figure >= 0 else None
