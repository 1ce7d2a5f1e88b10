"""API keys of the market-cap providers: where each is read from, and what no message may repeat."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from marketflows_pipeline.options import ProviderName
from marketflows_pipeline.settings.faults import unknown_key, without_secrets
from marketflows_pipeline.settings.files import read_key, read_toml
from marketflows_pipeline.settings.models import SOURCES

# Those with a plan that needs a key.
KEYED: tuple[ProviderName, ...] = tuple(
    name for name, source in SOURCES.items() if any(plan.key_header for plan in source.plans.values())
)
API_KEY = "api_key"
# A key may be written where a name belongs; only what resembles one of these words is repeated.
_SHOWN_NAMES = (*KEYED, API_KEY, "key")
MAX_NAME = 16


def variable_of(provider: str) -> str:
    """The environment variable that holds a provider's key."""
    return f"{provider.upper()}_API_KEY"


def file_variable_of(provider: str) -> str:
    """The environment variable that names a file with nothing but a provider's key."""
    return f"{variable_of(provider)}_FILE"


def read_keys(
    providers: Iterable[str], path: Path | None, environ: Mapping[str, str], faults: list[str]
) -> dict[str, str]:
    """The keys that there are, by provider: the environment wins over the secrets file.

    Args:
        providers: whose keys are wanted.
        path: the secrets file; None, or a file that is not there, means that there is none.
        environ: environment variables.
        faults: gathers one line per fault; no value of the secrets file is in any.
    """
    keys = {name: _from_environment(name, environ, faults) for name in providers}
    if path is not None and path.exists() and not all(keys.values()):
        raw = read_toml(path, faults, is_secret=True) or {}
        faults.extend(f"{path}: {key} = (not shown): {expectation}" for key, expectation in _secret_faults(raw))
        keys |= {name: _of_table(raw.get(name)) for name, key in keys.items() if key is None}
    return {name: key for name, key in keys.items() if key is not None}


def files_with_keys(providers: Iterable[str], path: Path, environ: Mapping[str, str]) -> list[Path]:
    """Files from which keys of these providers may be read, whether they are there or not."""
    outside = [name for name in providers if not environ.get(variable_of(name), "").strip()]
    named = [environ.get(file_variable_of(name), "").strip() for name in outside]
    return [*(Path(file) for file in named if file), *([path] if outside else [])]


def is_sendable(key: str) -> bool:
    """Whether a header can carry it."""
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def _of_table(table: object) -> str | None:
    key = table.get(API_KEY) if isinstance(table, dict) else None
    return (key.strip() or None) if isinstance(key, str) else None


def _from_environment(provider: str, environ: Mapping[str, str], faults: list[str]) -> str | None:
    variable, file_variable = variable_of(provider), file_variable_of(provider)
    key, key_file = (environ.get(name, "").strip() for name in (variable, file_variable))
    if key and key_file:
        faults.append(f"environment: both {variable} and {file_variable} are set: expected one of them")
    elif key and not is_sendable(key):
        faults.append(f"environment: {variable} = (not shown): expected a key without spaces")
    if key:
        return key
    return _of_file(Path(key_file), file_variable, faults) if key_file else None


def _of_file(path: Path, variable: str, faults: list[str]) -> str | None:
    """The key of the file that the environment names; an empty file is no key, as an empty variable is none."""
    # The key itself may stand where its file should be named.
    shown = str(path) if path.is_absolute() else without_secrets(str(path))
    source = f"environment: {variable} = {shown!r}"
    key = read_key(path, source, faults)
    if key is not None and not is_sendable(key):
        faults.append(f"{source}: expected a file with nothing but the key, on one line and without spaces")
    return key


def _secret_faults(raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for table, content in raw.items():
        if table not in KEYED:
            yield _shown_name(table), unknown_key(table, list(KEYED), {})
        elif not isinstance(content, dict):
            yield table, f"expected a table: [{table}]"
        else:
            for key, value in content.items():
                if key != API_KEY:
                    yield f"{table}.{_shown_name(key)}", unknown_key(key, (API_KEY,), {})
                elif not isinstance(value, str) or not is_sendable(value.strip()):
                    yield f"{table}.{key}", "expected the key in quotes, without spaces"


def _shown_name(name: str) -> str:
    is_word = len(name) <= MAX_NAME and difflib.get_close_matches(name, _SHOWN_NAMES, n=1, cutoff=0.75)
    return name if is_word else "(a name that is not shown)"
