"""Setting up where Python has no ensurepip: pip comes from the index, checked."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
from pytest_httpserver import HTTPServer

from marketflows_pipeline_tests.tools.conftest import LoadTool


@pytest.fixture(scope="module")
def bootstrap(tool: LoadTool) -> ModuleType:
    return tool("bootstrap_venv")


@pytest.fixture
def no_ensurepip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)


def _fake_pip() -> bytes:
    """A wheel that, run as pip's wheel is run, puts itself where the interpreter finds it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as wheel:
        wheel.writestr(
            "pip/__main__.py",
            "import pathlib, sys, sysconfig\n"
            "if sys.argv[1] == 'install':\n"
            "    home = pathlib.Path(sysconfig.get_path('purelib'), 'pip')\n"
            "    home.mkdir()\n"
            "    (home / '__init__.py').write_text('')\n"
            "    (home / '__main__.py').write_text('print(\"pip 9999\")')\n",
        )
    return buffer.getvalue()


def _serve(index: HTTPServer, *, described: bytes | None = None) -> str:
    """An index with one old, one new, one future and one unfinished pip; its address."""
    wheel = _fake_pip()
    sha256 = hashlib.sha256(described if described is not None else wheel).hexdigest()
    index.expect_request("/simple/pip/").respond_with_data(
        f'<a href="/files/pip-9.0-py2.py3-none-any.whl" data-requires-python="&gt;=2.6">old</a>'
        f'<a href="../../files/pip-30.1-py3-none-any.whl#sha256={sha256}" data-requires-python="&gt;=3.10">new</a>'
        f'<a href="/files/pip-31.0-py3-none-any.whl" data-requires-python="&gt;=3.99">future</a>'
        f'<a href="/files/pip-32.0b1-py3-none-any.whl">unfinished</a>'
        f'<a href="/files/pip-33.0.tar.gz">source</a>',
        content_type="text/html",
    )
    index.expect_request("/files/pip-30.1-py3-none-any.whl").respond_with_data(wheel)
    return index.url_for("/simple")


@pytest.mark.slow
@pytest.mark.usefixtures("no_ensurepip")
def test_without_ensurepip_pip_comes_from_the_index(
    bootstrap: ModuleType, httpserver: HTTPServer, tmp_path: Path
) -> None:
    bootstrap.make_environment(tmp_path / "env", {**os.environ, "PIP_INDEX_URL": _serve(httpserver)})
    answer = subprocess.run(
        [tmp_path / "env/bin/python", "-m", "pip", "--version"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "pip 9999\n"


@pytest.mark.slow
@pytest.mark.usefixtures("no_ensurepip")
def test_the_index_may_be_named_in_a_file_of_pips(
    bootstrap: ModuleType, httpserver: HTTPServer, tmp_path: Path
) -> None:
    """PIP_INDEX_URL alone was known: behind a mirror that pip.conf names, set-up asked the public index."""
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {_serve(httpserver)}\n")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    bootstrap.make_environment(tmp_path / "env", environ | {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")})
    assert bootstrap.has_pip(tmp_path / "env/bin/python")


def test_the_proxy_of_pip_is_asked(bootstrap: ModuleType, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/simple/pip/").respond_with_data("through the proxy")
    proxy = httpserver.url_for("").removeprefix("http://")
    page = bootstrap.fetch("http://index.example/simple/pip/", "http://index.example/simple", {"proxy": proxy})
    assert page == b"through the proxy"


@pytest.mark.slow
@pytest.mark.usefixtures("no_ensurepip")
def test_an_environment_that_works_is_left_as_it_is(
    bootstrap: ModuleType, httpserver: HTTPServer, tmp_path: Path
) -> None:
    environ = {**os.environ, "PIP_INDEX_URL": _serve(httpserver)}
    bootstrap.make_environment(tmp_path / "env", environ)
    asked = len(httpserver.log)
    bootstrap.make_environment(tmp_path / "env", environ)
    assert len(httpserver.log) == asked


@pytest.mark.slow
@pytest.mark.usefixtures("no_ensurepip")
def test_a_broken_environment_is_made_anew(bootstrap: ModuleType, httpserver: HTTPServer, tmp_path: Path) -> None:
    environ = {**os.environ, "PIP_INDEX_URL": _serve(httpserver)}
    bootstrap.make_environment(tmp_path / "env", environ)
    (tmp_path / "env/bin/python").unlink()
    bootstrap.make_environment(tmp_path / "env", environ)
    assert bootstrap.has_pip(tmp_path / "env/bin/python")


@pytest.mark.usefixtures("no_ensurepip")
def test_a_file_that_is_not_the_described_one_is_not_run(
    bootstrap: ModuleType, httpserver: HTTPServer, tmp_path: Path
) -> None:
    environ = {**os.environ, "PIP_INDEX_URL": _serve(httpserver, described=b"another file")}
    with pytest.raises(bootstrap.SetupError, match="not the one that the index describes"):
        bootstrap.make_environment(tmp_path / "env", environ)
    assert not bootstrap.has_pip(tmp_path / "env/bin/python")


@pytest.mark.usefixtures("no_ensurepip")
def test_an_index_that_cannot_be_reached_is_named_with_the_way_on(
    bootstrap: ModuleType, tmp_path: Path, httpserver: HTTPServer
) -> None:
    environ = {**os.environ, "PIP_INDEX_URL": httpserver.url_for("/nothing")}
    with pytest.raises(bootstrap.SetupError, match=r"/nothing/pip/ cannot be fetched.*make deps.*PIP_INDEX_URL"):
        bootstrap.make_environment(tmp_path / "env", environ)


def test_an_index_without_a_fitting_pip_is_named(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.SetupError, match=r"https://index\.example/pip/ lists no pip for Python 3\.11"):
        bootstrap.newest_pip("<a href='pip-1.tar.gz'>", "https://user:word@index.example/pip/", (3, 11))


def test_versions_are_compared_as_numbers(bootstrap: ModuleType) -> None:
    page = "".join(f"<a href='pip-{version}-py3-none-any.whl'>" for version in ("9.0.3", "26.3", "26.10", "3.1"))
    assert bootstrap.newest_pip(page, "https://index.example/pip/", (3, 11)).endswith("/pip-26.10-py3-none-any.whl")


def test_the_login_of_the_index_goes_to_its_own_host_only(bootstrap: ModuleType, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/a").respond_with_data("a")
    url = httpserver.url_for("/a")
    bootstrap.fetch(url, url.replace("://", "://us%40er:word@"), {})
    bootstrap.fetch(url, "https://user:word@elsewhere.example/simple", {})
    first, second = (request.authorization for request, _ in httpserver.log)
    assert first is not None
    assert (first.username, first.password) == ("us@er", "word")
    assert second is None


def test_an_address_that_is_not_the_web_is_refused(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.SetupError, match="expected an address that begins with http"):
        bootstrap.fetch("file:///etc/hostname", "", {})


def test_a_python_that_is_too_old_is_told_so(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 10, 4))
    assert bootstrap.main(["unused"]) == 1
    assert capsys.readouterr().err == (
        "Python 3.11 or newer is needed, and this is 3.10; name another: make setup PYTHON=python3.12\n"
    )
