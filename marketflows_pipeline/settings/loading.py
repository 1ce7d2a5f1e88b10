"""Reading the two files and the environment into settings."""

from __future__ import annotations

import difflib
import logging
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.http.addresses import keeps_secrets
from marketflows_pipeline.settings.faults import fault_line, unknown_key, validation_lines, without_secrets
from marketflows_pipeline.settings.files import read_key, read_toml
from marketflows_pipeline.settings.market_caps import FLOW_TYPES, MarketCapSource
from marketflows_pipeline.settings.models import DEFAULT_PROVIDER, ConfigFile, Secrets, Settings
from marketflows_pipeline.settings.places import impossible_places, taken_places

logger = logging.getLogger(__name__)

API_KEY_VARIABLE = "COINGECKO_API_KEY"
API_KEY_FILE_VARIABLE = "COINGECKO_API_KEY_FILE"
_SECRET_TABLES = {"coingecko": ("api_key",)}
# Where a container finds its secrets; nobody else lives in it, whatever the mode of the file.
_CONTAINER_SECRETS = Path("/run/secrets")
# A key may be written where a name belongs; only what resembles one of these words is repeated.
_SHOWN_NAMES = (*_SECRET_TABLES, "api_key", "key")
MAX_NAME = 16


def load_settings(
    config_path: Path, secrets_path: Path | None, environ: Mapping[str, str], *, needs_key: bool = True
) -> Settings:
    """Read, validate and join config file, secrets file and environment.

    Args:
        config_path: the TOML configuration. Relative paths in it start at its folder.
        secrets_path: the TOML file with keys. None, or a file that is not there, means that there is none.
        environ: environment variables; ``COINGECKO_API_KEY``, or a file that ``COINGECKO_API_KEY_FILE`` names and that
            holds nothing else, wins over the secrets file.
        needs_key: whether a missing key is a fault; not where no request needs one.

    Returns:
        Settings in which every rule holds: lists ordered and without repetition, limits of the plan filled in.

    Raises:
        UserInputError: with one line per fault of both files, each naming file, key, value and expectation.
    """
    faults: list[str] = []
    api_key = _api_key(secrets_path, environ, faults)
    config = _config(config_path, faults)
    is_keyless = config is not None and config.source.is_keyless
    if needs_key and config is not None and api_key is None and not faults and not is_keyless:
        faults.append(_no_key(config_path, secrets_path))
    if config is not None and api_key is not None and not is_keyless:
        faults.extend(_unsafe_address(config_path, config.source))
    if config is not None and not faults:
        faults.extend(taken_places(config_path, secrets_path, config))
    if config is None or faults:
        text = "\n".join(faults)
        raise UserInputError(text.replace(api_key, "(not shown)") if api_key else text)
    if is_keyless:
        api_key = None
    return Settings(**dict(config), file=config_path, secrets=Secrets.model_validate({"coingecko_api_key": api_key}))


def load_config(path: Path) -> ConfigFile:
    """Read config.toml alone, for commands that answer from what is published and need no key.

    Raises:
        UserInputError: with one line per fault of the file.
    """
    faults: list[str] = []
    config = _config(path, faults)
    if config is None:
        raise UserInputError("\n".join(faults))
    return config


def warn_of_exposure(settings: Settings, secrets_path: Path, environ: Mapping[str, str]) -> None:
    """Warn where others may get hold of a key: files that they can open, and hosts that are not the service's own.

    Args:
        settings: as loaded.
        secrets_path: as in `load_settings`; ``environ`` too.
        environ: environment variables.
    """
    if not environ.get(API_KEY_VARIABLE, "").strip():
        key_file = environ.get(API_KEY_FILE_VARIABLE, "").strip()
        for path in (*((Path(key_file),) if key_file else ()), secrets_path):
            _warn_of_readers(path)
    source = settings.source
    host, own = (urlsplit(url).hostname for url in (source.base_url, source.plan_url))
    if settings.secrets.coingecko_api_key is not None and host != own:
        logger.warning(
            "%s: the key is sent to %s, which is not %s, the host of plan %s",
            source.key("base_url"),
            host,
            own,
            source.plan,
        )


def _warn_of_readers(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    is_alone = path.parent == _CONTAINER_SECRETS
    if stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO) and not is_alone:
        logger.warning(
            "%s holds a key, and other users of this machine may open it (mode %03o): chmod 600 %s",
            path,
            stat.S_IMODE(mode),
            path,
        )


def _config(path: Path, faults: list[str]) -> ConfigFile | None:
    raw = read_toml(path, faults)
    if raw is None:
        return None
    # An absent table is an empty one, so that default paths too start at the file's folder.
    raw.setdefault("warehouse", {})
    raw.setdefault("report", {})
    try:
        config = ConfigFile.model_validate(raw, context={"root": path.parent, "flow_types": _flow_types(raw)})
    except ValidationError as error:
        faults.extend(validation_lines(path, error, ConfigFile))
        return None
    faults.extend(lines := list(impossible_places(path, config)))
    return None if lines else config


def _flow_types(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Flow types as written, read ahead because a rule of another table depends on them."""
    try:
        written = raw["providers"][raw.get("provider", DEFAULT_PROVIDER)]["flow_types"]
    except (KeyError, TypeError):
        return FLOW_TYPES
    return tuple(written) if isinstance(written, list) else ()


def _api_key(path: Path | None, environ: Mapping[str, str], faults: list[str]) -> str | None:
    from_environment = environ.get(API_KEY_VARIABLE, "").strip()
    key_file = environ.get(API_KEY_FILE_VARIABLE, "").strip()
    if from_environment and key_file:
        faults.append(f"environment: both {API_KEY_VARIABLE} and {API_KEY_FILE_VARIABLE} are set: expected one of them")
        return from_environment
    if from_environment:
        if not _is_sendable(from_environment):
            faults.append(f"environment: {API_KEY_VARIABLE} = (not shown): expected a key without spaces")
        return from_environment
    if key_file and (key := _key_of_file(Path(key_file), faults)) is not None:
        return key
    if path is None or not path.exists():
        return None
    raw = read_toml(path, faults, is_secret=True) or {}
    # No value of this file is ever repeated in a message.
    faults.extend(f"{path}: {key} = (not shown): {expectation}" for key, expectation in _secret_faults(raw))
    table = raw.get("coingecko")
    key = table.get("api_key") if isinstance(table, dict) else None
    return key.strip() if isinstance(key, str) else None


def _key_of_file(path: Path, faults: list[str]) -> str | None:
    """The key of the file that the environment names; an empty file is no key, as an empty variable is none."""
    # The key itself may stand where its file should be named.
    shown = str(path) if path.is_absolute() else without_secrets(str(path))
    source = f"environment: {API_KEY_FILE_VARIABLE} = {shown!r}"
    key = read_key(path, source, faults)
    if key is not None and not _is_sendable(key):
        faults.append(f"{source}: expected a file with nothing but the key, on one line and without spaces")
    return key


def _unsafe_address(config_path: Path, source: MarketCapSource) -> Iterator[str]:
    if not keeps_secrets(source.base_url):
        yield fault_line(
            config_path,
            source.key("base_url"),
            source.base_url,
            "expected https://, because the key would travel in the clear; http:// is for this machine only "
            "(localhost, 127.0.0.1, [::1]) or for a plan without a key",
        )


def _secret_faults(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for table, content in raw.items():
        if table not in _SECRET_TABLES:
            yield _shown_name(table), unknown_key(table, list(_SECRET_TABLES), {})
        elif not isinstance(content, dict):
            yield table, f"expected a table: [{table}]"
        else:
            known = _SECRET_TABLES[table]
            for key, value in content.items():
                if key not in known:
                    yield f"{table}.{_shown_name(key)}", unknown_key(key, known, {})
                elif not isinstance(value, str) or not _is_sendable(value.strip()):
                    yield f"{table}.{key}", "expected the key in quotes, without spaces"


def _shown_name(name: str) -> str:
    is_word = len(name) <= MAX_NAME and difflib.get_close_matches(name, _SHOWN_NAMES, n=1, cutoff=0.75)
    return name if is_word else "(a name that is not shown)"


def _is_sendable(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def _no_key(config_path: Path, secrets_path: Path | None) -> str:
    return (
        f"{secrets_path or 'secrets.toml'}: [coingecko] api_key is missing, and so are {API_KEY_VARIABLE} and "
        f"{API_KEY_FILE_VARIABLE} in the environment: expected one of them (a free Demo key is enough: "
        'https://www.coingecko.com/en/api/pricing), or plan = "keyless" under [providers.coingecko] in '
        f"{config_path} to go slowly without; without either, marketflows --tutorial runs offline"
    )
