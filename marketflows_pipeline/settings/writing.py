"""New settings files: TOML that reads back as what was chosen, put in its place only once it is valid."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Array, Table

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import ServiceName
from marketflows_pipeline.settings.loading import load_settings
from marketflows_pipeline.settings.market_caps import FLOW_TYPES
from marketflows_pipeline.settings.models import EXCHANGE_PROVIDER, SOURCES, Settings
from marketflows_pipeline.system.printable import presentable
from marketflows_pipeline.system.safe_files import drafted

_MANY = 4


@dataclass(frozen=True)
class Choices:
    """What goes into a new config.toml; None leaves a key to its default.

    Attributes:
        provider: where market caps come from.
        plan: of the account there.
        exchange_plan: of the account at the provider of exchange volumes, where that is another one.
        days: length of the window.
        narratives: category slugs; none leaves that group out.
        ranges: lower limits in USD; likewise.
        portfolios: coin ids by name; likewise.
        names: what slugs and coin ids are called, for comments.
        exchanges: whether the exchange part is on.
        cross_asset: whether the cross-asset part is on.
    """

    provider: ServiceName
    plan: str | None = None
    exchange_plan: str | None = None
    days: int | None = None
    narratives: tuple[str, ...] | None = None
    ranges: tuple[float, ...] | None = None
    portfolios: Mapping[str, tuple[str, ...]] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    exchanges: bool = False
    cross_asset: bool = False


def config_text(choices: Choices) -> str:
    """A config.toml with what was chosen and nothing else, each key with a comment."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `marketflows init`. Every other key has its default: docs/settings.md."))
    document.add(tomlkit.nl())
    document.add(tomlkit.comment("Where market caps come from."))
    document.add("provider", tomlkit.item(choices.provider))
    tables: dict[str, Table] = {
        EXCHANGE_PROVIDER: _account_table(choices.exchange_plan),
        choices.provider: _source_table(choices),
    }
    if filled := {name: table for name, table in tables.items() if table.value}:
        document.add("providers", _nested(filled))
    for name, is_on, words in (
        ("exchanges", choices.exchanges, "The exchange flow monitor. Take the table away to switch it off."),
        ("cross_asset", choices.cross_asset, "Funds, metals, bonds and coins, daily. Take it away to switch it off."),
    ):
        if is_on:
            table = tomlkit.table()
            table.add(tomlkit.comment(words))
            document.add(name, table)
    return _ended(document)


def secrets_text(provider: str, api_key: str, before: str = "") -> str:
    """A secrets.toml with a provider's key, and with what it held before.

    Args:
        provider: whose key it is.
        api_key: the key.
        before: the file as it was, which is TOML; empty where there was none.
    """
    document = tomlkit.parse(before)
    if not before:
        document.add(tomlkit.comment("Keys of the services. Nobody else may read this file: keep its mode 0600."))
    if provider not in document:
        document[provider] = tomlkit.table()
    table: Any = document[provider]
    table["api_key"] = api_key
    return _ended(document)


def id_map_text(
    provider: str,
    other: str,
    ids: Mapping[str, str],
    portfolios: Mapping[str, Sequence[str]],
    bases: Sequence[str],
    *,
    is_checked: bool,
) -> str:
    """Lines of config.toml by which coins are compared with another provider, or followed there.

    Args:
        provider: whose ids the settings have.
        other: the other provider.
        ids: the other's id by coin id.
        portfolios: coin ids by name; those without another id are left out.
        bases: coin ids of base assets; likewise.
        is_checked: whether market caps of `provider` are those that are checked.
    """
    document = tomlkit.document()
    if is_checked and ids:
        document.add(tomlkit.comment(f"To compare market caps of {provider} with those of {other}, once a day:"))
        checks = tomlkit.table()
        checks.add("cross_check", tomlkit.item(other))
        document.add("market_caps", checks)
        pairs = tomlkit.table()
        for coin, its_id in ids.items():
            pairs.add(tomlkit.key(coin), tomlkit.item(its_id))
        checks.add("cross_check_ids", pairs)
    groups = {name: [ids[coin] for coin in coins if coin in ids] for name, coins in portfolios.items()}
    groups = {name: coins for name, coins in groups.items() if coins}
    if groups or any(coin in ids for coin in bases):
        followed = tomlkit.table()
        followed.add(tomlkit.comment(f"To follow the same coins at {other}, with a warehouse of its own."))
        followed.add("base_assets", _array([ids[coin] for coin in bases if coin in ids]))
        if groups:
            followed.add("asset_groups", _groups(groups, {}))
        document.add("providers", _nested({other: followed}))
    return _ended(document)


def _source_table(choices: Choices) -> Table:
    table = tomlkit.table()
    limits = {
        "narratives": choices.narratives,
        "market_cap_ranges": choices.ranges,
        "individual_assets": choices.portfolios,
    }

    def add(key: str, value: object, words: str) -> None:
        table.add(tomlkit.comment(words))
        table.add(key, tomlkit.item(value))

    if choices.plan is not None:
        add("plan", choices.plan, "The kind of account.")
    if choices.days is not None:
        add("days", choices.days, "Length of the window: 1 has steps of 5 minutes, up to 90 hours, more days.")
    left_out = [name for name, chosen in limits.items() if chosen is not None and not chosen]
    if left_out:
        add("flow_types", [name for name in FLOW_TYPES if name not in left_out], "Which groups are made.")
    if choices.narratives:
        table.add(tomlkit.comment(f"Categories of {SOURCES[choices.provider].service}."))
        table.add("narratives", _array(choices.narratives, choices.names))
    if choices.ranges:
        add(
            "range_lower_limits",
            tomlkit.value(f"[{', '.join(map(_dollars, choices.ranges))}]"),
            "Where the ranges of market cap begin, in USD.",
        )
    if choices.portfolios:
        table.add("asset_groups", _groups(choices.portfolios, choices.names))
    return table


def _account_table(plan: str | None) -> Table:
    table = tomlkit.table()
    if plan is not None:
        table.add(tomlkit.comment("The kind of account that exchange volumes are requested with."))
        table.add("plan", tomlkit.item(plan))
    return table


def _groups(portfolios: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> Table:
    table = tomlkit.table()
    table.add(tomlkit.comment("Portfolios: a name and coin ids."))
    for name, coins in portfolios.items():
        table.add(tomlkit.key(name), _array(coins, names))
    return table


def _array(values: Sequence[str], names: Mapping[str, str] | None = None) -> Array:
    """A list, each entry with what it is called where that is known."""
    array = tomlkit.array()
    named = {value: presentable((names or {}).get(value, "")) for value in values}
    if len(values) <= _MANY and not any(named.values()):
        array.extend(values)
        return array
    for value in values:
        array.add_line(value, comment=named[value] or None)
    array.add_line(indent="")
    return array


def _nested(tables: Mapping[str, Table]) -> Table:
    above = tomlkit.table(is_super_table=True)
    for name, table in tables.items():
        above.add(name, table)
    return above


def _dollars(limit: float) -> str:
    """A limit as people write it: 1e9."""
    short = f"{limit:g}".replace("e+0", "e").replace("e+", "e")
    return short if float(short) == limit and "e" in short else repr(limit)


def _ended(document: tomlkit.TOMLDocument) -> str:
    return f"{tomlkit.dumps(document).rstrip()}\n"


@dataclass(frozen=True)
class Draft:
    """Settings that are valid and not in their place yet.

    Attributes:
        settings: as loaded.
        moves: drafts and the places that they are for.
    """

    settings: Settings
    moves: tuple[tuple[Path, Path], ...]

    def put_in_place(self) -> None:
        """Rename each file onto its place."""
        for draft, place in self.moves:
            draft.replace(place)


@contextlib.contextmanager
def drafted_settings(
    config: Path, secrets: Path, config_text: str, secrets_text: str | None, environ: Mapping[str, str]
) -> Iterator[Draft]:
    """Settings of a new config.toml, and of a new secrets.toml where there is one; nothing of a draft stays.

    A file with keys is for its user alone from the moment at which it is made.

    Args:
        config: where the config file belongs.
        secrets: where the secrets file belongs, or is.
        config_text: content of the config file.
        secrets_text: content of the secrets file; None where it stays as it is, or away.
        environ: environment variables.

    Raises:
        UserInputError: the settings are not valid; its lines name the files by their places.
    """
    with contextlib.ExitStack() as stack:

        def draft(place: Path, text: str, *, private: bool) -> Path:
            made = stack.enter_context(drafted(place, text.encode(), private=private))
            stack.callback(made.unlink, missing_ok=True)
            return made

        # The secrets come first: settings that need a key are of no use without it.
        moves = [] if secrets_text is None else [(draft(secrets, secrets_text, private=True), secrets)]
        moves.append((draft(config, config_text, private=False), config))
        try:
            settings = load_settings(moves[-1][0], moves[0][0] if secrets_text is not None else secrets, environ)
        except UserInputError as error:
            words = str(error)
            for made, place in moves:
                words = words.replace(str(made), str(place))
            raise UserInputError(words) from None
        yield Draft(settings.model_copy(update={"file": config}), tuple(moves))
