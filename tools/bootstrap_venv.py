"""Create a virtual environment with pip, also where Python comes without ensurepip, as on Debian.

Usage: ``python3 tools/bootstrap_venv.py .venv``. Needs nothing but the standard library. An environment that works is
left as it is. Where ensurepip is missing, pip's own wheel is fetched from the package index and installs itself. Index,
certificates, proxy and trusted hosts are the ones that pip would use, from its files and from ``PIP_`` variables.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import os
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import venv
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pip_settings

MINIMUM = (3, 11)
DEFAULT_INDEX = "https://pypi.org/simple"
TIMEOUT_SECONDS = 60

_WHEEL = re.compile(r"pip-(\d+(?:\.\d+)*)-(?:py2\.)?py3-none-any\.whl")
_AT_LEAST = re.compile(r">=\s*(\d+)\.(\d+)")


class SetupError(Exception):
    """The environment cannot be made; the message says what to do."""


class _Links(HTMLParser):
    """The links of a package's page: address and the Python it asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the address of every anchor."""
        given = dict(attrs)
        if tag == "a" and given.get("href"):
            self.found.append((str(given["href"]), given.get("data-requires-python") or ""))


def newest_pip(page: str, page_url: str, python: tuple[int, int]) -> str:
    """Address of the newest released pip wheel that runs on this Python.

    Raises:
        SetupError: if the page lists none.
    """
    links = _Links()
    links.feed(page)
    fitting = dict(_fitting_wheels(links.found, page_url, python))
    if not fitting:
        raise SetupError(f"{_without_login(page_url)} lists no pip for Python {python[0]}.{python[1]}")
    return fitting[max(fitting)]


def _fitting_wheels(
    links: list[tuple[str, str]], page_url: str, python: tuple[int, int]
) -> Iterator[tuple[tuple[int, ...], str]]:
    for href, requires in links:
        address = urljoin(page_url, href)
        wheel = _WHEEL.fullmatch(unquote(urlsplit(address).path.rsplit("/", 1)[-1]))
        lowest = _AT_LEAST.search(requires)
        if wheel and (lowest is None or python >= (int(lowest[1]), int(lowest[2]))):
            yield tuple(int(part) for part in wheel[1].split(".")), address


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def fetch(url: str, login_from: str, settings: Mapping[str, str]) -> bytes:
    """Body at an http(s) address; the index's user and password go to the index's own host only.

    Args:
        url: what to fetch; a hash after # is checked.
        login_from: the index's address, with user and password if it wants them.
        settings: pip's.

    Raises:
        SetupError: if it cannot be fetched, or its hash is not the one in the address.
    """
    address, fragment = urldefrag(url)
    if urlsplit(address).scheme not in {"http", "https"}:
        raise SetupError(f"{_without_login(address)}: expected an address that begins with http:// or https://")
    request = urllib.request.Request(_without_login(address), headers={"Accept": "text/html, */*;q=0.1"})  # noqa: S310
    index = urlsplit(login_from)
    if index.username and index.hostname == urlsplit(address).hostname:
        login = f"{unquote(index.username)}:{unquote(index.password or '')}"
        request.add_header("Authorization", f"Basic {base64.b64encode(login.encode()).decode()}")
    try:
        with _opener(address, settings).open(request, timeout=TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read()
    except (urllib.error.URLError, OSError) as error:
        raise SetupError(
            f"{_without_login(address)} cannot be fetched ({error}). Python has no ensurepip here: install it "
            "(make deps), or name an index that can be reached: PIP_INDEX_URL=https://…/simple make setup"
        ) from error
    if fragment.startswith("sha256=") and hashlib.sha256(body).hexdigest() != fragment.removeprefix("sha256="):
        raise SetupError(f"{_without_login(address)}: the file is not the one that the index describes")
    return body


def _opener(address: str, settings: Mapping[str, str]) -> urllib.request.OpenerDirector:
    """What opens an address as pip would: through its proxy, trusting its certificates and hosts."""
    bundle = settings.get("cert")
    is_folder = bundle is not None and Path(bundle).is_dir()
    context = ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)
    parts = urlsplit(address)
    if {parts.hostname, parts.netloc.rpartition("@")[2]} & set(settings.get("trusted-host", "").split()):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    proxy = pip_settings.proxy(settings)
    through = urllib.request.ProxyHandler(None if proxy is None else {"http": proxy, "https": proxy})
    return urllib.request.build_opener(through, urllib.request.HTTPSHandler(context=context))


def install_pip_from_index(python: Path, environ: Mapping[str, str]) -> None:
    """Let pip's wheel, which can be run as it is, install itself for this interpreter.

    Raises:
        SetupError: if no fitting wheel can be fetched or it fails to install.
    """
    settings = pip_settings.read(environ)
    index = settings.get("index-url", DEFAULT_INDEX)
    page_url = f"{index.rstrip('/')}/pip/"
    page = fetch(page_url, index, settings).decode("utf-8", "replace")
    wheel_url = newest_pip(page, page_url, sys.version_info[:2])
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder) / unquote(urlsplit(wheel_url).path.rsplit("/", 1)[-1])
        wheel.write_bytes(fetch(wheel_url, index, settings))
        command = [str(python), f"{wheel}/pip", "install", "--quiet", "--no-index", "--no-deps", str(wheel)]
        if subprocess.run(command, env=dict(environ), check=False).returncode:  # noqa: S603
            raise SetupError(f"{wheel.name} could not be installed into {python.parent.parent}")


def has_pip(python: Path) -> bool:
    """Whether this interpreter starts and knows pip."""
    try:
        return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def make_environment(folder: Path, environ: Mapping[str, str]) -> None:
    """Make the environment, unless a working one is there.

    Raises:
        SetupError: if it cannot be made.
    """
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if has_pip(python):
        return
    if importlib.util.find_spec("ensurepip") is not None:
        # A process of its own, because Debian's venv ends the process where ensurepip has nothing to install.
        command = [sys.executable, "-m", "venv", "--clear", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:  # noqa: S603
            return
    venv.create(folder, clear=True, symlinks=os.name != "nt", with_pip=False)
    install_pip_from_index(python, environ)


def main(arguments: list[str]) -> int:
    """Exit code 0 where the environment stands, 1 with one line on stderr where it does not."""
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    if sys.version_info < MINIMUM:
        sys.stderr.write(
            "Python {}.{} or newer is needed, and this is {}.{}; name another: make setup PYTHON=python3.12\n".format(
                *MINIMUM, *sys.version_info[:2]
            )
        )
        return 1
    try:
        make_environment(Path(arguments[0]), os.environ)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
