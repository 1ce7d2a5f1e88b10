"""Who else may get hold of a key: files that others can open, hosts that are not the service's own."""

from __future__ import annotations

import logging
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from marketflows_pipeline.options import ProviderName
from marketflows_pipeline.settings.keys import (
    KEYED,
    PASSWORD_VARIABLES,
    files_with_secrets,
    read_keys,
    variable_of,
)
from marketflows_pipeline.settings.models import EXCHANGE_PROVIDER, ConfigFile, Settings, source_of
from marketflows_pipeline.settings.object_storage import KEY_VARIABLES

logger = logging.getLogger(__name__)

# Where a container finds its secrets; nobody else lives in it, whatever the mode of the file.
_CONTAINER_SECRETS = Path("/run/secrets")


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
