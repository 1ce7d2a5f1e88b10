"""The httpx client of a service with the proxies and certificates of the environment, and the key in its headers.

httpx reads HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR by itself. Invalid values
raise half a dozen kinds of exceptions, some only with the first request; here each is one line that names the variable.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import ssl
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TypedDict
from urllib.request import getproxies

import httpcore
import httpx

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.http.responses import one_line
from marketflows_pipeline.providers.http.sockets import AttemptLimits, LimitedBackend, LimitedTransport

PROXY_EXPECTED = (
    "expected http://, https://, socks5:// or socks5h:// with a host and a port from 1 to 65535, such as "
    "http://proxy.example:8080"
)
NO_PROXY_EXPECTED = (
    "expected host names, domains such as .example.org, IPv4 addresses or ranges, and single IPv6 addresses without "
    "brackets or port, with commas between them"
)
SCHEMES = ("http", "https", "all")
MAX_PORT = 65_535
# How long an idle connection is kept, as httpx keeps it.
KEEP_ALIVE_S = 5.0
# Up to the last @, because a password may hold one; a scheme that is no scheme must not show what follows it.
USER_INFO = re.compile(r"^(?P<scheme>[A-Za-z][\w+.-]*://)?(?:(?P<user>[^:@]*):)?.*@", re.DOTALL)
# How OpenSSL names certificates in a folder.
HASHED_NAME = re.compile(r"[0-9a-f]{8}\.\d+")


def open_client(
    *,
    headers: Mapping[str, str],
    secret_headers: Mapping[str, str],
    attempt_limits: AttemptLimits,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client that sends its secrets only to the service, and follows no redirects.

    The environment is not read where tests give a transport.

    Raises:
        UserInputError: a variable of the environment names a proxy or certificates that cannot be used.
    """
    mounts: Mapping[str, httpx.BaseTransport] = {}
    if transport is None:
        certificates = _certificates()
        _check_proxies()
        backend = LimitedBackend(attempt_limits)
        transport = _transport(None, certificates, backend)
        mounts = {
            pattern: transport if proxy is None else _transport(httpx.Proxy(proxy), certificates, backend)
            for pattern, proxy in _proxies().items()
        }
        if secret_headers:
            # Unencrypted requests go to this machine only (keeps_secrets), and so past no proxy, which could read them.
            mounts = {**mounts, "http://": transport}
    # At DEBUG it logs every response header, and a service may repeat the key there.
    logging.getLogger("httpcore.http11").setLevel(logging.INFO)
    logging.getLogger("httpcore.proxy").setLevel(logging.INFO)
    try:
        return httpx.Client(
            headers=headers,
            auth=_SecretHeaders(secret_headers),
            # A redirect to another host would take the key along.
            follow_redirects=False,
            transport=transport,
            mounts=mounts,
        )
    except (ValueError, httpx.InvalidURL):
        # The proxies are valid, so NO_PROXY is not.
        raise _invalid_proxy("no", getproxies().get("no", ""), NO_PROXY_EXPECTED) from None


def proxy_passwords() -> list[str]:
    """The passwords of the environment's proxies, to be redacted."""
    if "*" in _no_proxy():
        return []
    addresses = [address for scheme in SCHEMES if (address := getproxies().get(scheme))]
    found = [httpx.Proxy(_with_scheme(address)).auth for address in addresses if _is_proxy(address)]
    return [password for _, password in filter(None, found) if password]


class _PoolOptions(TypedDict):
    ssl_context: ssl.SSLContext
    network_backend: httpcore.NetworkBackend
    keepalive_expiry: float


def _transport(
    proxy: httpx.Proxy | None, certificates: ssl.SSLContext, backend: httpcore.NetworkBackend
) -> LimitedTransport:
    """Connections as httpx makes them, through a proxy or directly."""
    options: _PoolOptions = {"ssl_context": certificates, "network_backend": backend, "keepalive_expiry": KEEP_ALIVE_S}
    if proxy is None:
        return LimitedTransport(httpcore.ConnectionPool(**options))
    url = proxy.url
    address = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    kind = httpcore.SOCKSProxy if url.scheme.startswith("socks5") else httpcore.HTTPProxy
    return LimitedTransport(kind(address, proxy_auth=proxy.raw_auth, **options))


def _proxies() -> dict[str, str | None]:
    """Which proxy is used for which addresses, as httpx reads it from the environment; None is a direct connection."""
    if "*" in _no_proxy():
        return {}
    proxies: dict[str, str | None] = {
        f"{scheme}://": _with_scheme(address) for scheme in SCHEMES if (address := getproxies().get(scheme))
    }
    return proxies | dict.fromkeys(map(_pattern, filter(None, _no_proxy())))


def _no_proxy() -> list[str]:
    return [entry.strip() for entry in getproxies().get("no", "").split(",")]


def _pattern(entry: str) -> str:
    """The pattern of a host without a proxy, and of its subdomains."""
    if "://" in entry:
        return entry
    try:
        version = ipaddress.ip_address(entry.partition("/")[0]).version
    except ValueError:
        return f"all://{entry}" if entry.lower() == "localhost" else f"all://*{entry}"
    return f"all://{entry}" if version == 4 else f"all://[{entry}]"


def _with_scheme(address: str) -> str:
    return address if "://" in address else f"http://{address}"


class _SecretHeaders(httpx.Auth):
    """Adds the key when a request is sent, so that no client, header or log shows it."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        yield request


def _check_proxies() -> None:
    if "*" in _no_proxy():
        return  # no proxy is used at all
    for scheme in SCHEMES:
        if (address := getproxies().get(scheme)) and not _is_proxy(address):
            raise _invalid_proxy(scheme, address, PROXY_EXPECTED)


def _is_proxy(address: str) -> bool:
    """Whether httpx can use it, as far as that shows before a connection is made."""
    has_scheme = "://" in address
    if not has_scheme and "/" in address.rstrip("/"):
        return False  # half a scheme, which would be taken for the host
    try:
        url = httpx.Proxy(_with_scheme(address)).url
        is_host = bool(url.host) and not re.search(r"[\s%]", url.host)
        return is_host and (url.port is None or 1 <= url.port <= MAX_PORT)
    except (ValueError, httpx.InvalidURL):
        return False


def _certificates() -> ssl.SSLContext:
    """Httpx's own choice of trusted certificates, which it would otherwise load once more for each proxy."""
    file, folders = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    # OpenSSL reads the folder only when it needs a certificate, and its error does not name the folder.
    if not file and folders and not any(_is_certificate_folder(Path(each)) for each in folders.split(os.pathsep)):
        expected = "expected a folder of certificates whose names are hashes (openssl rehash makes them)"
        raise _invalid("SSL_CERT_DIR", folders, expected)
    # The bundle is read once, by httpx: reading takes as long as the rest of opening a client.
    unusable_file = _invalid(
        "SSL_CERT_FILE", file or "", "expected a file of certificates in PEM form that can be read"
    )
    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        if file and not _holds_certificates(Path(file)):
            raise unusable_file from None
        if key_log := os.environ.get("SSLKEYLOGFILE"):
            raise _invalid(
                "SSLKEYLOGFILE", key_log, f"expected a file that can be written ({error.strerror})"
            ) from None
        raise
    if file and not context.cert_store_stats()["x509"]:
        raise unusable_file
    return context


def _holds_certificates(path: Path) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError):
        return False
    return context.cert_store_stats()["x509"] > 0


def _is_certificate_folder(folder: Path) -> bool:
    try:
        return any(HASHED_NAME.fullmatch(path.name) and _holds_certificates(path) for path in folder.iterdir())
    except OSError:
        return False


def _invalid_proxy(scheme: str, value: str, expected: str) -> UserInputError:
    """The error of a setting of `getproxies`, with the name of its variable."""
    names = [name for name in os.environ if name.lower() == f"{scheme}_proxy" and os.environ[name] == value]
    # The lower case wins over the upper, as it does for httpx.
    name = min(names, key=str.isupper, default="the system's proxy settings")
    shown = ",".join(map(_without_password, value.split(","))) if scheme == "no" else _without_password(value)
    return _invalid(name, shown, expected)


def _invalid(name: str, value: str, expected: str) -> UserInputError:
    return UserInputError(f"{name}={one_line(ascii(value))}: {expected}; correct the variable, or unset it")


def _without_password(address: str) -> str:
    """``socks5://user:***@host`` of an address with a password; what stands before an @ alone may be one too."""
    found = USER_INFO.match(address)
    if found is None:
        return address
    user = f"{found['user']}:" if found["user"] else ""
    return f"{found['scheme'] or ''}{user}***@{address[found.end() :]}"
