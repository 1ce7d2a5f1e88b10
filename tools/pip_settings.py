"""Read pip's settings as pip does, and translate them for uv, which knows neither pip.conf nor PIP_ variables.

Needs nothing but the standard library, since it runs before anything is installed. Linux and macOS.
"""

from __future__ import annotations

import configparser
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

# Other names that pip has for the same setting.
_SAME = {"default-timeout": "timeout", "pypi-url": "index-url"}
# Later ones win: what holds for every command, for `pip install`, and in the environment.
_SECTIONS = ("global", "install", ":env:")
_MAC = "Library/Application Support/pip"
_HREF = re.compile(r"""<a\s[^>]*href=["']([^"']+)["']""", re.IGNORECASE)
_TRUE = {"1", "y", "yes", "t", "true", "on"}


def read(environ: Mapping[str, str], prefix: str = sys.prefix) -> dict[str, str]:
    """The settings that `pip install` would use, by their long names, lists as pip keeps them: with blanks between.

    Args:
        environ: variables; `PIP_CONFIG_FILE`, `XDG_CONFIG_DIRS`, `XDG_CONFIG_HOME` and `HOME` say where files are.
        prefix: the environment that pip would install into; it may hold a `pip.conf` too.
    """
    found: dict[tuple[str, str], str] = {}
    for path in _files(environ, Path(prefix)):
        found.update(_entries(path))
    found.update(
        ((":env:", _name(key.removeprefix("PIP_"))), value) for key, value in environ.items() if key.startswith("PIP_")
    )
    settings: dict[str, str] = {}
    for section in _SECTIONS:
        # As in pip, an empty value takes an earlier file's away and then counts for nothing.
        settings.update({key: value for (where, key), value in found.items() if where == section and value})
    return settings


def home(environ: Mapping[str, str]) -> Path | None:
    """The user's home; None for one who has none, as in many containers."""
    if environ.get("HOME"):
        return Path(environ["HOME"])
    try:
        found = Path.home()
    except RuntimeError:
        return None
    return found if found.is_absolute() else None


def _files(environ: Mapping[str, str], prefix: Path) -> Iterator[Path]:
    """The files that pip reads, in the order in which later ones win."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return
    yield from _files_for_all(environ)
    if not (named and Path(named).exists()):
        yield from _files_of_user(environ)
    yield prefix / "pip.conf"
    if named:
        yield Path(named)


def _files_for_all(environ: Mapping[str, str]) -> Iterator[Path]:
    if sys.platform == "darwin":
        yield Path("/", _MAC, "pip.conf")
        return
    for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep):
        yield Path(folder, "pip/pip.conf")
    yield Path("/etc/pip.conf")


def _files_of_user(environ: Mapping[str, str]) -> Iterator[Path]:
    folder = home(environ)
    configs = Path(environ["XDG_CONFIG_HOME"]) if environ.get("XDG_CONFIG_HOME") else folder and folder / ".config"
    if folder:
        yield folder / ".pip/pip.conf"
        if sys.platform == "darwin" and (folder / _MAC).is_dir():
            yield folder / _MAC / "pip.conf"
            return
    if configs:
        yield configs / "pip/pip.conf"


def _entries(path: Path) -> dict[tuple[str, str], str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path)
    except (configparser.Error, UnicodeDecodeError, OSError):
        return {}  # pip, which runs next, refuses the file in its own words.
    return {(where, _name(key)): value for where in parser.sections() for key, value in parser.items(where)}


def _name(key: str) -> str:
    name = key.lower().replace("_", "-").removeprefix("--")
    return _SAME.get(name, name)


def is_on(settings: Mapping[str, str], name: str) -> bool:
    """Whether a yes-or-no setting is on."""
    return settings.get(name, "").lower() in _TRUE


def proxy(settings: Mapping[str, str]) -> str | None:
    """The proxy with its scheme, which pip lets one leave out."""
    given = settings.get("proxy")
    return given if given is None or "://" in given else f"http://{given}"


def for_uv(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The whole environment for uv: `environ` with the settings in uv's words; a `UV_` variable that is set stays.

    Constraints are left out: a lock with hashes names every version already.
    """
    uv = {
        # uv by itself takes the first index that knows a package, pip the best version of all. Hashes make that safe.
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        **_places(settings),
    }
    for name, variable in (("trusted-host", "UV_INSECURE_HOST"), ("retries", "UV_HTTP_RETRIES")):
        if settings.get(name):
            uv[variable] = " ".join(settings[name].split())
    if seconds := _whole_seconds(settings.get("timeout", "")):
        uv["UV_HTTP_TIMEOUT"] = seconds
    certificates = _certificates(settings, environ)
    if not any(environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")) and not certificates:
        uv["UV_SYSTEM_CERTS"] = "1"  # pip trusts what the system trusts
    return {**uv, **environ, **certificates, **_proxies(settings)}


def _places(settings: Mapping[str, str]) -> dict[str, str]:
    """Indexes and folders of files. uv stops at a folder that is missing, pip passes over it."""
    extra = [place for place in settings.get("extra-index-url", "").split() if not _is_missing(place)]
    links = [_path(place) for place in settings.get("find-links", "").split() if not _is_missing(place)]
    index = settings.get("index-url")
    if index and _is_missing(index) and extra:
        index = extra.pop(0)
    found = {"UV_DEFAULT_INDEX": index or "", "UV_INDEX": " ".join(extra), "UV_FIND_LINKS": ",".join(links)}
    return {name: value for name, value in found.items() if value}


def _path(place: str) -> str:
    return str(Path(place).expanduser()) if place.startswith("~") else place


def _is_missing(place: str) -> bool:
    """Whether a place is a local one, given as a path or a file: address, at which nothing is."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return not Path(unquote(parts.path)).exists()
    return not parts.scheme and not Path(_path(place)).exists()


def _whole_seconds(given: str) -> str | None:
    try:
        return str(max(1, math.ceil(float(given))))
    except (ValueError, OverflowError):
        return None


def _certificates(settings: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    found = {}
    bundle = settings.get("cert") or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE")
    if bundle:
        found["SSL_CERT_DIR" if Path(bundle).is_dir() else "SSL_CERT_FILE"] = bundle
    if settings.get("client-cert"):
        found["SSL_CLIENT_CERT"] = settings["client-cert"]
    return found


def _proxies(settings: Mapping[str, str]) -> dict[str, str]:
    address = proxy(settings)
    if address is None:
        return {}
    # Where pip has a proxy of its own, it asks for nothing without it.
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    return dict.fromkeys((*names, *map(str.lower, names)), address) | {"NO_PROXY": "", "no_proxy": ""}


def local_folders(settings: Mapping[str, str]) -> list[Path]:
    """Folders of this machine in which pip looks: indexes, folders of wheels, and where the indexes' pages point."""
    places = " ".join(settings.get(name, "") for name in ("index-url", "extra-index-url", "find-links")).split()
    found: set[Path] = set()
    for place in places:
        parts = urlsplit(place)
        folder = Path(unquote(parts.path) if parts.scheme == "file" else place).expanduser()
        if parts.scheme in {"", "file"} and folder.is_dir():
            found |= {folder.absolute(), *_pointed_at(folder.absolute())}
    # What lies in another one is seen with it.
    return sorted(folder for folder in found if not any(other in folder.parents for other in found))


def _pointed_at(index: Path) -> Iterator[Path]:
    for page in index.glob("*/index.html"):
        base = page.parent.as_uri() + "/"
        for link in _HREF.findall(page.read_text(encoding="utf-8", errors="replace")):
            parts = urlsplit(urldefrag(urljoin(base, link)).url)
            if parts.scheme == "file" and Path(unquote(parts.path)).is_file():
                yield Path(unquote(parts.path)).parent
