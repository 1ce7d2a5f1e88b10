"""Proxies and certificates of the environment: what httpx can do works, the rest is one line with the variable."""

from __future__ import annotations

import gc
import os
import ssl
import warnings
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import certifi
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import TransientProviderError, UserInputError
from marketflows_pipeline.providers.coingecko.client import CoinGecko
from marketflows_pipeline.providers.defillama.client import DefiLlama
from marketflows_pipeline.providers.fund_issuers.issuers import ISSUERS
from marketflows_pipeline.providers.http.client import HttpClient
from marketflows_pipeline.providers.volatility.client import Cboe, Fred
from marketflows_pipeline.providers.yahoo.client import Yahoo
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.fakes.socks import FakeSocks
from marketflows_pipeline_tests.providers.conftest import THING
from marketflows_pipeline_tests.providers.memory_ledger import MemoryLedger

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without the proxies and certificates of the machine that tests."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in CERTIFICATES:
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.fixture
def service(thinghub: FakeServer) -> FakeServer:
    return thinghub


@pytest.fixture
def ask(service: FakeServer, clock: FixedClock, ledger: MemoryLedger) -> Callable[[], object]:
    """Opens a client in the environment as it is now, and asks it."""

    def _ask() -> object:
        with closing(HttpClient("thinghub", service.url, clock=clock, ledger=ledger, timeout=5.0)) as client:
            return client.get_json(THING, lambda body: body, path={"id": "one"})

    return _ask


def opened() -> None:
    HttpClient("thinghub", "https://things.example", clock=FixedClock(START), ledger=MemoryLedger()).close()


def refusal() -> str:
    """The one line that stands for what httpx would have raised."""
    with pytest.raises(UserInputError) as fault:
        opened()
    (line,) = str(fault.value).splitlines()
    assert fault.value.exit_code == 2
    assert fault.value.__suppress_context__ or fault.value.__context__ is None, "a traceback would show the password"
    return line


@pytest.mark.parametrize("variable", ["ALL_PROXY", "HTTP_PROXY", "all_proxy", "http_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_is_used(
    environment: pytest.MonkeyPatch, ask: Callable[[], object], variable: str, scheme: str
) -> None:
    """With ALL_PROXY=socks5://… every run ended in a traceback: httpx had been installed without its SOCKS extra."""
    with FakeSocks() as proxy:
        environment.setenv(variable, f"{scheme}://{proxy.address}")
        assert ask() == {"id": "one"}
    assert len(proxy.targets) == 1


@pytest.mark.parametrize("variable", ["ALL_PROXY", "HTTP_PROXY"])
def test_a_key_for_this_machine_goes_past_no_proxy(
    environment: pytest.MonkeyPatch, service: FakeServer, clock: FixedClock, ledger: MemoryLedger, variable: str
) -> None:
    """Unencrypted, as within this machine is allowed, the key went by way of the proxy, who could read it."""
    with FakeSocks() as proxy:
        environment.setenv(variable, f"socks5://{proxy.address}")
        keyed = {"x-thing-key": "thing-key-0123456789"}
        with closing(
            HttpClient("thinghub", service.url, clock=clock, ledger=ledger, timeout=5.0, secret_headers=keyed)
        ) as client:
            assert client.get_json(THING, lambda body: body, path={"id": "one"}) == {"id": "one"}
    assert proxy.targets == []


def test_a_socks_proxy_is_told_the_name_and_password_of_its_address(
    environment: pytest.MonkeyPatch, ask: Callable[[], object]
) -> None:
    with FakeSocks(login=("me", "s@cret")) as proxy:
        environment.setenv("ALL_PROXY", f"socks5://me:s%40cret@{proxy.address}")
        assert ask() == {"id": "one"}
    assert len(proxy.targets) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "proxy", [FakeSocks(login=("me", "s@cret")), FakeSocks(is_rude=True)], ids=["wants a password", "hangs up"]
)
def test_a_socks_proxy_that_lets_nobody_in_is_a_fault_in_one_line(
    environment: pytest.MonkeyPatch, ask: Callable[[], object], proxy: FakeSocks
) -> None:
    with proxy, warnings.catch_warnings():
        # httpcore leaves the socket of a greeting that failed to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        environment.setenv("ALL_PROXY", f"socks5://me:wrong@{proxy.address}")
        with pytest.raises(TransientProviderError, match="thinghub /things/one: ") as fault:
            ask()
        said = str(fault.value)
        del fault
        gc.collect()
    assert "wrong" not in said


@pytest.mark.parametrize("no_proxy", ["127.0.0.1", "*", "x, 127.0.0.1 ,y", "http://127.0.0.1", "http://", "127.0.0.1,"])
def test_a_host_without_proxy_is_asked_directly(
    environment: pytest.MonkeyPatch, ask: Callable[[], object], no_proxy: str
) -> None:
    environment.setenv("NO_PROXY", no_proxy)
    with FakeSocks() as proxy:
        environment.setenv("ALL_PROXY", f"socks5://{proxy.address}")
        assert ask() == {"id": "one"}
    assert proxy.targets == []


@pytest.mark.parametrize(
    "value",
    [
        "proxy.example",
        "proxy.example:8080",
        "http://proxy.example:8080/",
        "https://me:secret@proxy.example:443",
        "HTTP://PROXY.EXAMPLE:80",
        "http://[::1]:8080",
        "socks5://10.0.0.1:1080",
        "SOCKS5H://proxy.example",
    ],
)
def test_every_proxy_that_httpx_can_use_is_taken(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("HTTPS_PROXY", value)
    opened()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("socks4://me:secret@proxy.example:1080", "socks4://me:***@proxy.example:1080"),
        ("socks://proxy.example", "socks://proxy.example"),
        ("ftp://proxy.example:21", "ftp://proxy.example:21"),
        ("direct://", "direct://"),
        ("http://proxy.example:99999", "http://proxy.example:99999"),
        ("http://proxy.example:0", "http://proxy.example:0"),
        ("http://proxy.example:port", "http://proxy.example:port"),
        ("http://me:secret@proxy.example:-1", "http://me:***@proxy.example:-1"),
        ("http://me:se/cret@proxy.example:80", "http://me:***@proxy.example:80"),
        ("http://me:se@cret@proxy.example:808080", "http://me:***@proxy.example:808080"),
        ("http://secret@proxy.example:808080", "http://***@proxy.example:808080"),
        ("http:/me:secret@proxy.example:80", "http:***@proxy.example:80"),
        ("http://", "http://"),
        ("http://:8080", "http://:8080"),
        (":8080", ":8080"),
        ("http//proxy.example:8080", "http//proxy.example:8080"),
        (" http://proxy.example:8080", " http://proxy.example:8080"),
        ("http://[::1", "http://[::1"),
        ("http://256.1.1.1:80", "http://256.1.1.1:80"),
        ("http://proxy example:80", "http://proxy example:80"),
        ("http://proxy.example\t:80", r"http://proxy.example\t:80"),
    ],
)
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(
    environment: pytest.MonkeyPatch, name: str, value: str, shown: str
) -> None:
    """A proxy on port 99999 was an OverflowError, an unknown scheme a ValueError: tracebacks in place of one line."""
    environment.setenv(name, value)

    line = refusal()

    assert line.startswith(f"{name}='{shown}': expected http://, https://, socks5:// or socks5h://")
    assert line.endswith("correct the variable, or unset it")
    assert "cret" not in line


def test_where_no_proxy_is_used_at_all_its_address_does_not_matter(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "socks4://proxy.example")
    environment.setenv("NO_PROXY", "localhost, *")
    opened()


@pytest.mark.parametrize("value", ["[::1", "[::1]:8080", "host:abc", "http://[::1", "a\tb", "localhost,fe80::/10"])
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_an_entry_of_no_proxy_that_httpx_cannot_read_is_named(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)

    assert refusal().startswith(f"{name}={value!a}: expected host names, domains such as .example.org, IPv4")


@pytest.mark.parametrize(
    "value", ["::1", "*.x", ".x", "a b", "10.0.0.0/8", ",,", "", "http://", "https://x", "::1:8080", "host:80", "%"]
)
def test_an_odd_entry_of_no_proxy_that_httpx_can_read_is_taken(environment: pytest.MonkeyPatch, value: str) -> None:
    environment.setenv("NO_PROXY", value)
    opened()


def test_the_lower_case_variable_wins_and_is_the_one_that_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://proxy.example:8080")
    environment.setenv("https_proxy", "gopher://proxy.example")

    assert refusal().startswith("https_proxy='gopher://")


def rubbish(folder: Path) -> Path:
    file = folder / "rubbish.pem"
    file.write_text("no certificate\n")
    return file


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder / "nowhere.pem",
        lambda folder: folder,
        rubbish,
        lambda _: Path(os.devnull),
        lambda folder: folder / "a\udcff",
    ],
    ids=["nowhere", "a folder", "rubbish", "empty", "no text"],
)
def test_a_certificate_file_without_certificates_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    """SSL_CERT_FILE of a machine long gone was a FileNotFoundError that did not say which file."""
    file = make(tmp_path)
    environment.setenv("SSL_CERT_FILE", str(file))

    line = refusal()

    assert line.startswith(f"SSL_CERT_FILE={str(file)!a}"[:200])
    assert line.encode()
    assert "expected a file of certificates in PEM form" in line


def test_a_certificate_file_with_certificates_is_taken_and_the_folder_beside_it_not_looked_at(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("SSL_CERT_FILE", certifi.where())
    environment.setenv("SSL_CERT_DIR", "/nowhere")
    opened()


@pytest.mark.parametrize("content", [None, "no certificate\n"], ids=["empty", "rubbish"])
def test_a_certificate_folder_without_certificates_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    """OpenSSL says nothing about it, and every request then failed for want of an issuer."""
    if content:
        (tmp_path / "0123abcd.0").write_text(content)
    for value in (f"{tmp_path}", f"{tmp_path / 'nowhere'}{os.pathsep}{tmp_path}"):
        environment.setenv("SSL_CERT_DIR", value)
        assert refusal().startswith(f"SSL_CERT_DIR='{value}': expected a folder of certificates")


def test_a_certificate_folder_is_taken_even_as_the_second_of_a_list(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    certificate = ssl.DER_cert_to_PEM_cert(_any_certificate())
    (tmp_path / "0123abcd.0").write_text(certificate)
    environment.setenv("SSL_CERT_DIR", f"/nowhere{os.pathsep}{tmp_path}")
    opened()


def _any_certificate() -> bytes:
    context = ssl.create_default_context(cafile=certifi.where())
    return context.get_ca_certs(binary_form=True)[0]


def test_a_key_log_that_cannot_be_written_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SSLKEYLOGFILE", "/nowhere/keys")

    assert refusal().startswith("SSLKEYLOGFILE='/nowhere/keys': expected a file that can be written (No such file")


@pytest.mark.parametrize("service_class", [DefiLlama, Yahoo, Cboe, Fred, *ISSUERS])
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "SSL_CERT_FILE"])
def test_every_keyless_service_is_opened_with_care(
    environment: pytest.MonkeyPatch,
    clock: FixedClock,
    ledger: MemoryLedger,
    service_class: type[DefiLlama],
    name: str,
) -> None:
    environment.setenv(name, "gopher://nowhere")

    with pytest.raises(UserInputError, match=f"{name}='gopher://nowhere'"):
        service_class(clock=clock, ledger=ledger)


def test_coingecko_is_opened_with_care(
    environment: pytest.MonkeyPatch, clock: FixedClock, ledger: MemoryLedger
) -> None:
    environment.setenv("HTTPS_PROXY", "gopher://nowhere")

    with pytest.raises(UserInputError, match="HTTPS_PROXY='gopher://nowhere'"):
        CoinGecko(clock=clock, ledger=ledger, plan="keyless")
