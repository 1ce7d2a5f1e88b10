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
from functools import lru_cache
from pathlib import Path
from urllib.request import getproxies

import httpcore
import httpx

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.providers.http.decompression import ACCEPTED
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
DEFAULT_HEADERS = {
    "accept": "application/json, text/*;q=0.9",
    "accept-encoding": ACCEPTED,
    "user-agent": "marketflows-pipeline",
}
SCHEMES = ("http", "https", "all")
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
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
    proxies: Mapping[str, httpx.Proxy | None],
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client that sends its secrets only to the service, and follows no redirects.

    The proxies are those of `environment_proxies`. Tests give a transport, for which the environment is not read.

    Raises:
        UserInputError: a variable of the environment names certificates that cannot be used, or NO_PROXY is not valid.
    """
    mounts: dict[str, httpx.BaseTransport] = {}
    if transport is None:
        certificates = _certificates(*map(os.environ.get, CERTIFICATE_VARIABLES))
        backend = LimitedBackend(attempt_limits)
        transport = _transport(None, certificates, backend)
        mounts = {
            pattern: _transport(proxy, certificates, backend) if proxy else transport
            for pattern, proxy in proxies.items()
        }
        if secret_headers:
            # Unencrypted requests go to this machine only (keeps_secrets), and so past no proxy, which could read them.
            mounts["http://"] = transport
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


def environment_proxies() -> dict[str, httpx.Proxy | None]:
    """Which proxy is used for which addresses, as httpx reads it from the environment; None is a direct connection.

    Raises:
        UserInputError: a variable names a proxy that cannot be used.
    """
    found = getproxies()
    direct = [entry.strip() for entry in found.get("no", "").split(",")]
    if "*" in direct:
        return {}
    proxies = {f"{scheme}://": _proxy(scheme, found[scheme]) for scheme in SCHEMES if found.get(scheme)}
    return proxies | dict.fromkeys(map(_pattern, filter(None, direct)))


def _proxy(scheme: str, address: str) -> httpx.Proxy:
    """A proxy that httpx can use, as far as that shows before a connection is made."""
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
        host, port = proxy.url.host, proxy.url.port
        # Half a scheme would be taken for the host.
        is_usable = "://" in address or "/" not in address.rstrip("/")
        is_usable = is_usable and bool(host) and not re.search(r"[\s%]", host)
        if is_usable and (port is None or 1 <= port <= MAX_PORT):
            return proxy
    except (ValueError, httpx.InvalidURL):
        pass
    raise _invalid_proxy(scheme, address, PROXY_EXPECTED)


def _transport(
    proxy: httpx.Proxy | None, certificates: ssl.SSLContext, backend: httpcore.NetworkBackend
) -> LimitedTransport:
    """Connections as httpx makes them, through a proxy or directly."""
    pool = httpcore.ConnectionPool(
        ssl_context=certificates,
        proxy=httpcore.Proxy(str(proxy.url), auth=proxy.raw_auth) if proxy else None,
        network_backend=backend,
        keepalive_expiry=KEEP_ALIVE_S,
    )
    return LimitedTransport(pool)


def _pattern(entry: str) -> str:
    """The pattern of a host without a proxy, and of its subdomains."""
    if "://" in entry:
        return entry
    try:
        version = ipaddress.ip_address(entry.partition("/")[0]).version
    except ValueError:
        return f"all://{entry}" if entry.lower() == "localhost" else f"all://*{entry}"
    return f"all://{entry}" if version == 4 else f"all://[{entry}]"


class _SecretHeaders(httpx.Auth):
    """Adds the key when a request is sent, so that no client, header or log shows it."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.update(self._headers)
        yield request


@lru_cache(maxsize=1)
def _certificates(file: str | None, folders: str | None, key_log: str | None) -> ssl.SSLContext:
    """Httpx's own choice of trusted certificates, read once: that takes as long as the rest of opening a client.

    The arguments are the values of CERTIFICATE_VARIABLES, which httpx reads by itself.
    """
    # OpenSSL reads the folder only when it needs a certificate, and its error does not name the folder.
    if not file and folders and not any(_is_certificate_folder(Path(each)) for each in folders.split(os.pathsep)):
        expected = "expected a folder of certificates whose names are hashes (openssl rehash makes them)"
        raise _invalid("SSL_CERT_DIR", folders, expected)
    unusable_file = _invalid(
        "SSL_CERT_FILE", file or "", "expected a file of certificates in PEM form that can be read"
    )
    try:
        context = httpx.create_ssl_context()
    except OSError as error:
        if file and not _holds_certificates(Path(file)):
            raise unusable_file from None
        if key_log:
            expected = f"expected a file that can be written ({error.strerror})"
            raise _invalid("SSLKEYLOGFILE", key_log, expected) from None
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
