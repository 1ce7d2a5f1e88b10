"""Reading the two files and the environment into settings.

What belongs here: files, the order of precedence, and gathering all faults. What does not: the rules of single keys.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings.coingecko import FLOW_TYPES
from marketflows_pipeline.settings.faults import unknown_key, validation_lines
from marketflows_pipeline.settings.models import ConfigFile, Secrets, Settings

API_KEY_VARIABLE = "COINGECKO_API_KEY"
_SECRET_TABLES = {"coingecko": ("api_key",)}


def load_settings(
    config_path: Path, secrets_path: Path | None, environ: Mapping[str, str], *, needs_key: bool = True
) -> Settings:
    """Read, validate and join config file, secrets file and environment.

    Args:
        config_path: the TOML configuration. Relative paths in it start at its folder.
        secrets_path: the TOML file with keys. None, or a file that is not there, means that there is none.
        environ: environment variables; ``COINGECKO_API_KEY`` wins over the file.
        needs_key: whether a missing key is a fault; not where nothing is asked that needs one.

    Returns:
        Settings in which every rule holds: lists ordered and without repetition, limits of the plan filled in.

    Raises:
        UserInputError: with one line per fault of both files, each naming file, key, value and expectation.
    """
    faults: list[str] = []
    api_key = _api_key(secrets_path, environ, faults)
    config = _config(config_path, faults)
    is_keyless = config is not None and config.providers.coingecko.plan == "keyless"
    if needs_key and config is not None and api_key is None and not faults and not is_keyless:
        faults.append(_no_key(config_path, secrets_path))
    if config is None or faults:
        text = "\n".join(faults)
        raise UserInputError(text.replace(api_key, "(not shown)") if api_key else text)
    if is_keyless:
        api_key = None
    return Settings(**dict(config), secrets=Secrets.model_validate({"coingecko_api_key": api_key}))


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


def _config(path: Path, faults: list[str]) -> ConfigFile | None:
    raw = _toml(path, faults)
    if raw is None:
        return None
    # An absent table is an empty one, so that default paths too start at the file's folder.
    raw.setdefault("warehouse", {})
    try:
        return ConfigFile.model_validate(raw, context={"root": path.parent, "flow_types": _flow_types(raw)})
    except ValidationError as error:
        faults.extend(validation_lines(path, error, ConfigFile))
        return None


def _flow_types(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Flow types as written, read ahead because a rule of another table depends on them."""
    try:
        written = raw["providers"]["coingecko"]["flow_types"]
    except (KeyError, TypeError):
        return FLOW_TYPES
    return tuple(written) if isinstance(written, list) else ()


def _api_key(path: Path | None, environ: Mapping[str, str], faults: list[str]) -> str | None:
    from_environment = environ.get(API_KEY_VARIABLE, "").strip()
    if from_environment:
        if not _is_sendable(from_environment):
            faults.append(f"environment: {API_KEY_VARIABLE} = (not shown): expected a key without spaces")
        return from_environment
    if path is None or not path.exists():
        return None
    raw = _toml(path, faults) or {}
    # No value of this file is ever repeated in a message.
    faults.extend(f"{path}: {key} = (not shown): {expectation}" for key, expectation in _secret_faults(raw))
    table = raw.get("coingecko")
    key = table.get("api_key") if isinstance(table, dict) else None
    return key.strip() if isinstance(key, str) else None


def _secret_faults(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for table, content in raw.items():
        if table not in _SECRET_TABLES:
            yield table, unknown_key(table, list(_SECRET_TABLES), {})
        elif not isinstance(content, dict):
            yield table, f"expected a table: [{table}]"
        else:
            known = _SECRET_TABLES[table]
            for key, value in content.items():
                if key not in known:
                    yield f"{table}.{key}", unknown_key(key, known, {})
                elif not isinstance(value, str) or not _is_sendable(value.strip()):
                    yield f"{table}.{key}", "expected the key in quotes, without spaces"


def _is_sendable(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def _toml(path: Path, faults: list[str]) -> dict[str, Any] | None:
    try:
        # Editors on Windows put a byte order mark first.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n"))
    except FileNotFoundError:
        faults.append(f"{path}: no such file; name another, or see what the program does with: marketflows --tutorial")
    except OSError as error:
        faults.append(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        faults.append(f"{path}: expected UTF-8 text (at line {line})")
    except ValueError as error:
        faults.append(f"{path}: not valid TOML: {error}")
    return None


def _no_key(config_path: Path, secrets_path: Path | None) -> str:
    return (
        f"{secrets_path or 'secrets.toml'}: [coingecko] api_key is missing, and so is {API_KEY_VARIABLE} in the "
        "environment: expected one of them (a free Demo key is enough: https://www.coingecko.com/en/api/pricing), or "
        f'plan = "keyless" under [providers.coingecko] in {config_path} to go slowly without; '
        "without either, marketflows --tutorial runs offline"
    )
