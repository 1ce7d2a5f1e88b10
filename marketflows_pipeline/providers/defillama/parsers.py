"""What DefiLlama's answers mean: its error texts, and its JSON as frames.

Shapes: the official OpenAPI file, which abridges them, and the service's published source. Data provided by
DefiLlama.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Annotated, TypeAlias, TypeVar

import msgspec
import polars as pl

from marketflows_pipeline.errors import (
    BadResponseError,
    NotFoundError,
    PlanLimitError,
    ProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.bad_rows import BadRows, refuse_empty, row_name
from marketflows_pipeline.providers.http.responses import (
    Classification,
    FailedResponseError,
    ParseError,
    Response,
    classify_by_status,
    is_transient_status,
    not_data,
    one_line,
)
from marketflows_pipeline.providers.json_fields import identity, is_address
from marketflows_pipeline.providers.protocols.exchanges import (
    CEX_SCHEMA,
    PROTOCOL_SCHEMA,
    CexOverview,
)
from marketflows_pipeline.providers.strict_json import strict_json
from marketflows_pipeline.system.printable import is_identity, presentable, presentable_name

T = TypeVar("T")
Figure: TypeAlias = float | None
Named: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\S")]

EXCHANGE_CATEGORIES = frozenset({"CEX", "Dexs"})
NO_SYMBOL = "-"

# How the texts that stand in for an error begin, in lower case, under whatever status they come.
ERROR_TEXTS: tuple[tuple[str, type[ProviderError], str], ...] = (
    ("protocol not found", NotFoundError, ""),
    ("data not found", NotFoundError, ""),
    ("no data", NotFoundError, ""),
    ("upgrade to the paid", PlanLimitError, "the free service no longer answers this, only a paid plan does"),
    ("internal", TransientProviderError, ""),
)
BLOCKED = "the service's CDN refuses this machine's address, as it does with many cloud hosts: use another network"


class _Cex(msgspec.Struct, rename="camel"):
    name: Named
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


class _Cexs(msgspec.Struct):
    cexs: list[msgspec.Raw]
    cg_volume_cexs: list[object] | None = None


class _Kind(msgspec.Struct):
    category: object = None


class _Name(msgspec.Struct):
    name: object = None


class _Protocol(msgspec.Struct, rename={"parent_protocol": "parentProtocol"}):
    name: Named
    slug: Named
    category: str
    symbol: str | None = None
    parent_protocol: str | None = None
    chains: list[str] | None = None
    tvl: Figure = None
    change_1d: Figure = None
    change_7d: Figure = None
    mcap: Figure = None
    url: str | None = None


_CEXS = msgspec.json.Decoder(_Cexs)
_CEX = msgspec.json.Decoder(_Cex)
_NAME = msgspec.json.Decoder(_Name)
_ROWS = msgspec.json.Decoder(list[msgspec.Raw])
_KIND = msgspec.json.Decoder(_Kind)
_PROTOCOL = msgspec.json.Decoder(_Protocol)


def classify(answer: Response) -> Classification | None:
    """Judge an answer of DefiLlama, whose errors are lines of text; None is a usable one."""
    said = f"HTTP {answer.status}, {answer.excerpt}"
    if is_transient_status(answer.status):
        return Classification(TransientProviderError, said)
    text = answer.content[:64].strip().lower()
    # Before the status: the texts may come labelled as HTML.
    if known := next((known for known in ERROR_TEXTS if text.startswith(known[0].encode())), None):
        _, kind, advice = known
        return Classification(kind, f"{said}; {advice}" if advice else said)
    if not answer.is_success or answer.is_html or not answer.content.strip():
        return _by_status(answer)
    if not (text.startswith((b"{", b"[")) and answer.content[-64:].rstrip().endswith((b"}", b"]"))):
        return Classification(BadResponseError, f"{said.removesuffix('…')}: truncated or not JSON")
    return None


def read_cexs(text: str) -> CexOverview:
    """The overview of centralised exchanges.

    A figure that is absent, null or, where it is an amount, negative is null. An exchange of which a field is not of
    the documented type, or a figure is no finite number, is left out, with a warning. An exchange that is listed is
    centralised under its own id too, since the list of ids spells some otherwise than CoinGecko does.

    Raises:
        ParseError: no list of exchanges, an empty one, or too many of them would be left out.
        FailedResponseError: not whole JSON.
    """
    overview = _whole(_CEXS, text)
    rows = _accepted(overview.cexs, _read_cex, "defillama /cexs")
    refuse_empty(rows, "list of exchanges")
    exchanges = pl.DataFrame(
        {
            "name": [row.name for row in rows],
            "slug": [row.slug or None for row in rows],
            "coingecko_id": [_coingecko_id(row) for row in rows],
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

    Rows of other categories, nine in ten, are not looked into. A row of which a field is not of the documented type, or
    a figure is no finite number, is left out, with a warning.

    Raises:
        ParseError: no list, an empty one, or too many of these rows would be left out.
        FailedResponseError: not whole JSON.
    """
    listed = _whole(_ROWS, text)
    refuse_empty(listed, "list of protocols")
    rows = _accepted(listed, _read_protocol, "defillama /protocols")
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
    """A name or slug as the service spells it in its addresses: lower case, no blanks or apostrophes."""
    return name.strip().lower().replace(" ", "-").replace("'", "")


def _by_status(answer: Response) -> Classification | None:
    if answer.status == HTTPStatus.PAYMENT_REQUIRED and not answer.is_foreign:
        return Classification(PlanLimitError, f"HTTP 402, {answer.excerpt}; only a paid plan is answered this")
    if answer.status == HTTPStatus.FORBIDDEN and answer.is_foreign:
        return Classification(UnexpectedResponseError, f"HTTP 403, {answer.excerpt}; {BLOCKED}")
    return classify_by_status(answer) or not_data(answer)


def _whole(decoder: msgspec.json.Decoder[T], text: str) -> T:
    """What the JSON holds; one that is truncated is asked for again, one of another shape is not."""
    try:
        try:
            return decoder.decode(text)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return decoder.decode(strict_json(text.encode()))
    except msgspec.ValidationError as fault:
        raise ParseError(one_line(str(fault))) from fault
    except msgspec.DecodeError as fault:
        raise FailedResponseError(
            Classification(BadResponseError, f"truncated or not JSON: {one_line(str(fault))}")
        ) from fault


def _accepted(rows: Sequence[msgspec.Raw], read: Callable[[msgspec.Raw], T | None], what: str) -> list[T]:
    """The rows that are of the documented shape, but for those that are none of what is asked for, which are None."""
    left_out = BadRows(what)
    accepted = []
    for at, raw in enumerate(rows):
        try:
            row = read(raw)
        except msgspec.DecodeError as fault:
            left_out.add(at, row_name(at, _name_of(raw)), ParseError(one_line(str(fault))))
        except ParseError as fault:
            left_out.add(at, row_name(at, _name_of(raw)), fault)
        else:
            if row is not None:
                accepted.append(row)
    n_rows = len(accepted) + left_out.count
    left_out.judge(n_rows, is_of_many=True)
    left_out.tell(n_rows)
    return accepted


def _read_cex(raw: msgspec.Raw) -> _Cex:
    """A row of an exchange, its name presentable and its ids in order."""
    row = _CEX.decode(raw)
    row.name = presentable_name(row.name)
    row.slug = slugify(row.slug or "")
    for key, given in (("slug", row.slug), ("cgId", row.cg_id), ("cgSpotId", row.cg_spot_id)):
        if given:
            identity(given, key)
    return row


def _read_protocol(raw: msgspec.Raw) -> _Protocol | None:
    """A row of an exchange, its name presentable and its ids in order, or None where it is of something else."""
    category = _KIND.decode(raw).category
    if not isinstance(category, str) or category not in EXCHANGE_CATEGORIES:
        return None
    row = _PROTOCOL.decode(raw)
    row.name = presentable_name(row.name)
    row.slug = identity(slugify(row.slug), "slug")
    if row.parent_protocol:
        identity(row.parent_protocol, "parentProtocol")
    return row


def _name_of(raw: msgspec.Raw) -> object:
    try:
        return _NAME.decode(raw).name
    except msgspec.DecodeError:
        return None


def _coingecko_id(row: _Cex) -> str | None:
    return row.cg_id or row.cg_spot_id or None


def _listed(names: Iterable[str | None]) -> str | None:
    """Names in one cell; one that has a comma itself would read as two, and is none."""
    shown = (presentable(name) for name in names if name and "," not in name)
    return ",".join(dict.fromkeys(filter(None, shown))) or None


def _amount(figure: Figure) -> Figure:
    return figure if figure is not None and figure >= 0 else None
