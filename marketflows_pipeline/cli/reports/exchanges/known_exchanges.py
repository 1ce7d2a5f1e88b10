"""Which exchange a user means: CoinGecko id, DefiLlama slug or name, in any case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from marketflows_pipeline.cli.reports.published_data import PublishedData
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.system.near_matches import did_you_mean, near_matches

_SELECT = "select exchange_key, exchange_id, defillama_slug, name, is_centralised, is_tracked from core.exchanges"
_MATCHES = f"""
{_SELECT}
where $wanted in (lower(exchange_id), defillama_slug, lower(exchange_key), lower(name))
   or replace($wanted, ' ', '-') = defillama_slug
order by case when lower(exchange_id) = $wanted then 1 when lower(name) = $wanted then 3 else 2 end, exchange_key
"""
# DefiLlama's own name of an exchange may be another than CoinGecko's: Coinbase is Coinbase Exchange there.
_BY_DEFILLAMA_NAME = """
select coalesce(coingecko_id, slug) as id from accepted.cex_snapshots
where observed_at = $as_of and lower(name) = $wanted and coalesce(coingecko_id, slug) is not null
"""


@dataclass(frozen=True)
class KnownExchange:
    """One row of core.exchanges; see there."""

    exchange_key: str
    exchange_id: str | None
    defillama_slug: str | None
    name: str
    is_centralised: bool | None
    is_tracked: bool


def find_exchange(data: PublishedData, wanted: str) -> KnownExchange:
    """The exchange of that id, slug or name; an id wins over a slug, a slug over a name.

    Raises:
        UserInputError: if there is none, naming those that are spelled alike, or if several bear the name.
    """
    spelled = wanted.strip().lower()
    matches = _matches(data, spelled) or _matches(data, _id_by_defillama_name(data, spelled))
    if not matches:
        raise UserInputError(_unknown(wanted, data.rows(_SELECT)))
    first = matches[0]
    named = [match.exchange_key for match in matches if match.name.lower() == spelled]
    if len(named) > 1 and spelled not in {first.exchange_key.lower(), first.exchange_id, first.defillama_slug}:
        raise UserInputError(f'several exchanges are called "{wanted}"; name one by its id: {", ".join(named)}')
    return first


def _matches(data: PublishedData, wanted: str | None) -> list[KnownExchange]:
    return [KnownExchange(**row) for row in data.rows(_MATCHES, {"wanted": wanted})] if wanted else []


def _id_by_defillama_name(data: PublishedData, spelled: str) -> str | None:
    if not data.has("raw.cex_snapshots"):
        return None
    asked = {"as_of": data.as_of("raw.cex_snapshots"), "wanted": spelled}
    found: str | None = data.row(_BY_DEFILLAMA_NAME, asked).get("id")
    return found and found.lower()


def _unknown(wanted: str, known: list[dict[str, Any]]) -> str:
    called = {
        row["exchange_key"]: [row[name] or "" for name in ("exchange_id", "defillama_slug", "name")] for row in known
    }
    names = {row["exchange_key"]: row["name"] for row in known}
    near = [f"{key} ({names[key]})" for key in near_matches(wanted, called, is_whole_word=False)]
    hint = did_you_mean(near) or "; all ids are in the table core.exchanges (marketflows sql)"
    return f'no exchange "{wanted}" is known{hint}'
