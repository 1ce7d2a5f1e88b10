"""Reading the two files and the environment into settings."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import DEFAULT_PROVIDER, ProviderName, RunOptions
from marketflows_pipeline.providers.http.addresses import keeps_secrets
from marketflows_pipeline.settings.faults import fault_line, validation_lines
from marketflows_pipeline.settings.files import read_toml
from marketflows_pipeline.settings.keys import (
    API_KEY,
    file_variable_of,
    keyed_providers,
    read_keys,
    read_object_keys,
    read_postgres_password,
    variable_of,
)
from marketflows_pipeline.settings.market_caps import FLOW_TYPES, MarketCapSource
from marketflows_pipeline.settings.models import EXCHANGE_PROVIDER, SOURCES, ConfigFile, Secrets, Settings, source_of
from marketflows_pipeline.settings.object_storage import ObjectKeys
from marketflows_pipeline.settings.places import impossible_places, taken_places
from marketflows_pipeline.settings.postgres import EXAMPLE, StoreKind

logger = logging.getLogger(__name__)

_KEY_PAGES = {"coingecko": " (a free Demo key is enough: https://www.coingecko.com/en/api/pricing)"}
_WITHOUT_A_KEY = "live without a key, by CoinPaprika: marketflows --provider coinpaprika"
_OFFLINE = "offline, on made-up data: marketflows --tutorial"


def load_settings(
    config_path: Path,
    secrets_path: Path | None,
    environ: Mapping[str, str],
    *,
    needs_key: bool = True,
    provider: ProviderName | None = None,
    also_asked: Collection[ProviderName] = (),
    store: StoreKind | None = None,
) -> Settings:
    """Read, validate and join config file, secrets file and environment.

    Args:
        config_path: the TOML configuration. Relative paths in it start at its folder.
        secrets_path: the TOML file with keys. None, or a file that is not there, means that there is none.
        environ: environment variables; ``COINGECKO_API_KEY``, or a file that ``COINGECKO_API_KEY_FILE`` names and that
            holds nothing else, wins over the secrets file, and so for each provider with keys.
        needs_key: whether a missing key is a fault; not where no request needs one.
        provider: of market caps, in place of the one that the file names; with it the usual file need not be there.
        also_asked: providers whose keys are read beside those that a run asks.
        store: in place of the one that the file names; what a run with it would need is then read too.

    Returns:
        Settings in which every rule holds: lists ordered and without repetition, limits of the plan filled in.

    Raises:
        UserInputError: with one line per fault of both files, each naming file, key, value and expectation.
    """
    faults: list[str] = []
    config_faults: list[str] = []
    config = _config(config_path, config_faults, provider, store)
    read = read_keys(keyed_providers(config, also_asked), secrets_path, environ, faults)
    keys = read
    uses_postgres = config is not None and config.uses_postgres
    password = read_postgres_password(secrets_path, environ, faults) if uses_postgres else None
    of_objects = None
    if config is None or config.uses_object_storage:
        # Without settings only so that no fault repeats them.
        of_objects = read_object_keys(secrets_path, environ, [] if config is None else faults)
    faults += config_faults
    if config is not None:
        # A plan that sends no key has none.
        keys = {name: key for name, key in read.items() if not source_of(name, config.providers).is_keyless}
        if needs_key and not faults and not config.source.is_keyless and config.provider not in keys:
            faults += _no_key(config.provider, config_path, secrets_path)
        if needs_key and not faults:
            faults.extend(_no_key_to_check(config_path, config, keys))
        for name in keys:
            faults.extend(_unsafe_address(config_path, source_of(name, config.providers)))
    if config is not None and not faults:
        faults.extend(taken_places(config_path, secrets_path, config))
    if config is None or faults:
        hidden = [*read.values(), *([password] if password else []), *_values(of_objects)]
        raise UserInputError(_without(hidden, "\n".join(faults)))
    no_exchanges = _why_no_exchanges(config, keys)
    if no_exchanges:
        config = config.model_copy(update={"exchanges": None})
    of_services = {f"{name}_api_key": key for name, key in keys.items()}
    secrets = Secrets.model_validate(of_services | {"postgres_password": password, "object_keys": of_objects})
    return Settings(**dict(config), file=config_path, secrets=secrets, no_exchanges=no_exchanges)


def _values(keys: ObjectKeys | None) -> list[str]:
    held = (keys.key_id, keys.secret, keys.token) if keys is not None else ()
    return [secret.get_secret_value() for secret in held if secret is not None]


def _without(secrets: Collection[str], text: str) -> str:
    for secret in secrets:
        text = text.replace(secret, "(not shown)")
    return text


def load_config(path: Path, provider: ProviderName | None = None) -> ConfigFile:
    """Read config.toml alone, for commands that answer from what is published and need no key.

    Args:
        path: the TOML configuration.
        provider: as in `load_settings`.

    Raises:
        UserInputError: with one line per fault of the file.
    """
    faults: list[str] = []
    config = _config(path, faults, provider)
    if config is None:
        raise UserInputError("\n".join(faults))
    return config


def why_no_exchanges(config: ConfigFile, secrets_path: Path | None, environ: Mapping[str, str]) -> str:
    """Why no run fetches the exchange part though the file has its table; empty where runs do, or none is wanted.

    Args:
        config: of the file.
        secrets_path: as in `load_settings`; ``environ`` too. Their faults are for a run to tell.
        environ: environment variables.
    """
    return _why_no_exchanges(config, read_keys(keyed_providers(config), secrets_path, environ, []))


def _why_no_exchanges(config: ConfigFile, keys: Mapping[str, str]) -> str:
    """Why the exchange part can't be fetched though the file has its table; empty where it can, or none is wanted.

    Its volumes are CoinGecko's whatever the provider of market caps, whose own missing key is a fault of the file.
    """
    source = source_of(EXCHANGE_PROVIDER, config.providers)
    if config.exchanges is None or config.is_one_account or source.is_keyless or EXCHANGE_PROVIDER in keys:
        return ""
    return (
        f"exchanges are off: their volumes are {source.service}'s, and there is neither a key for it "
        f'({variable_of(EXCHANGE_PROVIDER)}) nor plan = "keyless" under [{source.table}]'
    )


def _config(
    path: Path, faults: list[str], provider: ProviderName | None, store: StoreKind | None = None
) -> ConfigFile | None:
    raw = _raw_config(path, faults, provider)
    if raw is None:
        return None
    if provider is not None:
        raw["provider"] = provider
    # An absent table is an empty one, so that default paths too start at the file's folder.
    raw.setdefault("warehouse", {})
    raw.setdefault("report", {})
    if isinstance(raw["warehouse"], dict):
        raw["warehouse"].setdefault("ducklake", {})
        if store is not None:
            raw["warehouse"]["store"] = store
    try:
        config = ConfigFile.model_validate(raw, context={"root": path.parent, "flow_types": _flow_types(raw)})
    except ValidationError as error:
        faults.extend(validation_lines(path, error, ConfigFile))
        return None
    faults.extend(
        lines := [*impossible_places(path, config), *_no_database(path, config), *_no_common_store(path, config)]
    )
    return None if lines else config


def _no_database(path: Path, config: ConfigFile) -> Iterator[str]:
    if config.execution.coordination == "postgres" and config.shared_database is None:
        missing = f"expected database in [execution] too, such as {EXAMPLE}, or a lake whose catalog is in Postgres"
        yield fault_line(path, "execution.coordination", "postgres", missing)


def _no_common_store(path: Path, config: ConfigFile) -> Iterator[str]:
    """Workers write at once, so their store and their locks have to be common to all of them."""
    if config.execution.shards_on == "celery" and not config.locks_parts:
        missing = 'expected coordination = "postgres" in [execution], and a lake whose catalog is in Postgres'
        yield fault_line(path, "execution.shards_on", "celery", missing)


def _raw_config(path: Path, faults: list[str], provider: ProviderName | None) -> dict[str, Any] | None:
    if path.name == RunOptions().config.name and not os.path.lexists(path):
        if provider is not None:
            return {}
        faults += [
            f"{path}: no such file: name another with --config, or take the defaults with a CoinGecko key in "
            f"{variable_of(DEFAULT_PROVIDER)}: marketflows --provider {DEFAULT_PROVIDER}",
            _WITHOUT_A_KEY,
            _OFFLINE,
        ]
        return None
    return read_toml(path, faults)


def _flow_types(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Flow types as written, read ahead because a rule of another table depends on them."""
    try:
        written = raw["providers"][raw.get("provider", DEFAULT_PROVIDER)]["flow_types"]
    except (KeyError, TypeError):
        return FLOW_TYPES
    return tuple(written) if isinstance(written, list) else ()


def _unsafe_address(config_path: Path, source: MarketCapSource) -> Iterator[str]:
    if not keeps_secrets(source.base_url):
        yield fault_line(
            config_path,
            source.key("base_url"),
            source.base_url,
            "expected https://, because the key would travel in the clear; http:// is for this machine only "
            "(localhost, 127.0.0.1, [::1]) or for a plan without a key",
        )


def _no_key_to_check(config_path: Path, config: ConfigFile, keys: Mapping[str, str]) -> Iterator[str]:
    """The second provider of market caps is asked only where its own plan lets us."""
    name = config.market_caps.cross_check
    if name is None or name in keys or (source := source_of(name, config.providers)).is_keyless:
        return
    free = next(plan_name for plan_name, plan in source.plans.items() if plan.key_header is None)
    yield fault_line(
        config_path,
        "market_caps.cross_check",
        name,
        f'expected a key for it ({variable_of(name)}), or plan = "{free}" under [{source.table}], which needs none',
    )


def _no_key(provider: ProviderName, config_path: Path, secrets_path: Path | None) -> list[str]:
    """Three lines, a choice each."""
    source = SOURCES[provider]
    free = [name for name, plan in source.plans.items() if plan.key_header is None]
    return [
        f"{secrets_path or 'secrets.toml'}: [{provider}] {API_KEY} is missing, and so are {variable_of(provider)} and "
        f"{file_variable_of(provider)} in the environment: expected one of them{_KEY_PAGES.get(provider, '')}, or "
        f'plan = "{free[0]}" under [{source.table}] in {config_path}, which needs none and is slower',
        _WITHOUT_A_KEY,
        _OFFLINE,
    ]
