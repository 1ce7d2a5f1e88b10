"""Keys of the services: where each is read from, what no message may repeat, and who else may get hold of them."""

from __future__ import annotations

import difflib
import logging
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marketflows_pipeline.options import ProviderName
from marketflows_pipeline.settings.faults import unknown_key, without_secrets
from marketflows_pipeline.settings.files import read_key, read_toml
from marketflows_pipeline.settings.models import EXCHANGE_PROVIDER, SOURCES, ConfigFile, Settings, source_of
from marketflows_pipeline.settings.object_storage import KEY_VARIABLES, TOKEN_VARIABLE, ObjectKeys, object_keys

# Those with a plan that needs a key.
KEYED: tuple[ProviderName, ...] = tuple(
    name for name, source in SOURCES.items() if any(plan.key_header for plan in source.plans.values())
)
API_KEY = "api_key"
PASSWORD_VARIABLES = ("MARKETFLOWS_POSTGRES_PASSWORD", "PGPASSWORD")
# Tables of secrets.toml, each with its keys.
SECRET_TABLES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(KEYED, (API_KEY,)),
    "postgres": ("password",),
    "object_storage": tuple(KEY_VARIABLES),
}
# A key may be written where a name belongs; only what resembles one of these words is repeated.
_SHOWN_NAMES = (*SECRET_TABLES, *(key for keys in SECRET_TABLES.values() for key in keys), "key")
MAX_NAME = 16
logger = logging.getLogger(__name__)

# Where a container finds its secrets; nobody else lives in it, whatever the mode of the file.
_CONTAINER_SECRETS = Path("/run/secrets")


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
    keys = {name: read_secrets(name, {API_KEY: variable_of(name)}, path, environ, faults) for name in providers}
    return {name: found[API_KEY] for name, found in keys.items() if found}


def read_postgres_password(path: Path | None, environ: Mapping[str, str], faults: list[str]) -> str | None:
    """The password of the Postgres role; the arguments are those of `read_keys`.

    The program's own variable wins over libpq's, and both win over the secrets file.
    """
    for variable in PASSWORD_VARIABLES:
        if password := _from_environment(variable, environ, faults):
            return password
    return _of_table(_tables(path, faults).get("postgres"), "password")


def read_object_keys(path: Path | None, environ: Mapping[str, str], faults: list[str]) -> ObjectKeys | None:
    """Keys of the S3 service; the arguments are those of `read_keys`."""
    found = read_secrets("object_storage", KEY_VARIABLES, path, environ, faults)
    # Keys that are lent come with their token; those of a file have none.
    is_lent = bool(environ.get(KEY_VARIABLES["key_id"], "").strip())
    if is_lent and (token := _from_environment(TOKEN_VARIABLE, environ, faults)):
        found["token"] = token
    return object_keys(found, path, faults)


def read_secrets(
    table: str, variables: Mapping[str, str], path: Path | None, environ: Mapping[str, str], faults: list[str]
) -> dict[str, str]:
    """The secrets of one table that there are, by key: the environment wins over the secrets file.

    Args:
        table: of the secrets file.
        variables: the environment variable of each key; ``NAME_FILE`` names a file with nothing but the secret.
        path: as in `read_keys`.
        environ: environment variables.
        faults: gathers one line per fault; no value of the secrets file is in any.
    """
    found = {key: _from_environment(variable, environ, faults) for key, variable in variables.items()}
    if not all(found.values()):
        raw = _tables(path, faults)
        found |= {key: _of_table(raw.get(table), key) for key, value in found.items() if value is None}
    return {key: value for key, value in found.items() if value is not None}


def _tables(path: Path | None, faults: list[str]) -> Mapping[str, Any]:
    """The tables of the secrets file; each of its faults is added once, however often it is read."""
    if path is None or _is_missing(path):
        return {}
    said: list[str] = []
    raw = read_toml(path, said, is_secret=True) or {}
    said += (f"{path}: {key} = (not shown): {expectation}" for key, expectation in _secret_faults(raw))
    faults.extend(line for line in said if line not in faults)
    return raw


def _is_missing(path: Path) -> bool:
    """Whether no file is there; of one that may not be looked at, reading tells why."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def files_with_secrets(variables: Iterable[str], path: Path, environ: Mapping[str, str]) -> list[Path]:
    """Files from which secrets of these variables may be read, whether they are there or not."""
    outside = [name for name in variables if not environ.get(name, "").strip()]
    named = [environ.get(f"{name}_FILE", "").strip() for name in outside]
    return [*(Path(file) for file in named if file), *([path] if outside else [])]


def is_sendable(key: str) -> bool:
    """Whether a header can carry it."""
    return bool(key) and key.isascii() and key.isprintable() and " " not in key


def _of_table(table: object, name: str) -> str | None:
    key = table.get(name) if isinstance(table, dict) else None
    return (key.strip() or None) if isinstance(key, str) else None


def _from_environment(variable: str, environ: Mapping[str, str], faults: list[str]) -> str | None:
    file_variable = f"{variable}_FILE"
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
        if table not in SECRET_TABLES:
            yield _shown_name(table), unknown_key(table, list(SECRET_TABLES), {})
        elif not isinstance(content, dict):
            yield table, f"expected a table: [{table}]"
        else:
            for key, value in content.items():
                if key not in SECRET_TABLES[table]:
                    yield f"{table}.{_shown_name(key)}", unknown_key(key, SECRET_TABLES[table], {})
                elif not isinstance(value, str) or not is_sendable(value.strip()):
                    yield f"{table}.{key}", "expected the key in quotes, without spaces"


def _shown_name(name: str) -> str:
    is_word = len(name) <= MAX_NAME and difflib.get_close_matches(name, _SHOWN_NAMES, n=1, cutoff=0.75)
    return name if is_word else "(a name that is not shown)"


def warn_of_exposure(settings: Settings, secrets_path: Path, environ: Mapping[str, str]) -> None:
    """Warn where others may get hold of a key, and of one that the plan does not use.

    Others may open a file, or be the host that is asked in place of the service.

    Args:
        settings: as loaded.
        secrets_path: as in `load_settings`; ``environ`` too.
        environ: environment variables.
    """
    providers = keyed_providers(settings)
    files = files_with_secrets(map(variable_of, providers), secrets_path, environ)
    if settings.uses_postgres:
        files += files_with_secrets(PASSWORD_VARIABLES, secrets_path, environ)
    if settings.uses_object_storage:
        files += files_with_secrets(KEY_VARIABLES.values(), secrets_path, environ)
    for path in dict.fromkeys(files):
        _warn_of_readers(path)
    found = read_keys(providers, secrets_path, environ, [])
    for name in providers:
        source = source_of(name, settings.providers)
        if source.is_keyless and name in found:
            logger.warning(
                "%s: the key for %s is not used, since plan %s sends none; name the plan that it is for",
                source.key("plan"),
                source.service,
                source.plan,
            )
        host, own = (urlsplit(url).hostname for url in (source.base_url, source.plan_url))
        if settings.secrets.of(name) is not None and host != own:
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


def keyed_providers(config: ConfigFile | None, also_asked: Collection[ProviderName] = ()) -> list[ProviderName]:
    """Services with keys that the settings use; all where there are no settings."""
    if config is None:
        return list(KEYED)
    asked = {config.provider, config.market_caps.cross_check, *also_asked}
    if config.exchanges is not None:
        asked.add(EXCHANGE_PROVIDER)
    return [name for name in KEYED if name in asked]
