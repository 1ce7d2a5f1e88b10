"""What pip would use, and the same for uv, which knows neither pip.conf nor PIP_ variables."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from marketflows_pipeline_tests.tools.conftest import LoadTool


@pytest.fixture(scope="module")
def pip(tool: LoadTool) -> ModuleType:
    return tool("pip_settings")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A user's, with one file for all users, two of the user and one of the environment's; the last word has `PIP_`."""
    for name, content in {
        "xdg/pip/pip.conf": "[global]\nindex-url = https://all.example/simple\ntimeout = 7\nproxy = proxy.example:1\n",
        "home/.pip/pip.conf": "[global]\nindex-url = https://old.example/simple\nretries = 2\n",
        "home/.config/pip/pip.conf": "[install]\nfind-links =\n    /first\n    /second\n[global]\nproxy =\n",
        "env/pip.conf": "[global]\nTrusted_Host = a.example b.example\nfind-links = /hidden\n[freeze]\ntimeout = 99\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "PIP_CERT": "/bundle.pem",
        "PIP_DEFAULT_TIMEOUT": "180",
        "PIP_INDEX_URL": "",
    }


# What pip would go by if it were asked to install.
PIPS_OWN = """
import json
from pip._internal.commands import create_command
found = vars(create_command("install").parser.get_default_values())
names = ("find_links", "trusted_hosts", "timeout", "retries", "proxy", "index_url", "cert")
# A setting that is not there is empty to some versions of pip, and None to others.
print(json.dumps({name: found[name] if found[name] != "" else None for name in names}))
"""

# /etc/pip.conf, which no variable moves, may hold something on this machine.
OURS = ("index-url", "timeout", "retries", "find-links", "trusted-host", "proxy", "cert")


def read(pip: ModuleType, environ: dict[str, str], prefix: Path) -> dict[str, str]:
    found: dict[str, str] = pip.read(environ, str(prefix))
    return {name: " ".join(found[name].split()) for name in OURS if name in found}


def test_the_later_file_wins_then_the_section_then_the_variable(
    pip: ModuleType, environ: dict[str, str], tmp_path: Path
) -> None:
    found = read(pip, environ, tmp_path / "env")

    assert found["timeout"] == "180"
    assert found["retries"] == "2"
    assert found["find-links"] == "/first /second"
    assert found["trusted-host"] == "a.example b.example"
    assert found["index-url"] == "https://old.example/simple"
    assert found["cert"] == "/bundle.pem"


@pytest.mark.skipif(Path("/etc/pip.conf").exists(), reason="a file for all users may change any setting")
def test_an_empty_value_takes_an_earlier_one_away(pip: ModuleType, environ: dict[str, str], tmp_path: Path) -> None:
    assert "proxy" not in read(pip, environ, tmp_path / "env")


def test_a_file_named_by_variable_stands_in_place_of_the_users(
    pip: ModuleType, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "own.conf").write_text("[global]\nretries = 9\n")

    named = read(pip, environ | {"PIP_CONFIG_FILE": str(tmp_path / "own.conf")}, tmp_path / "env")
    nothing = read(pip, environ | {"PIP_CONFIG_FILE": os.devnull}, tmp_path / "env")

    assert named["retries"] == "9"
    assert named["find-links"] == "/hidden"
    assert nothing == {"cert": "/bundle.pem", "timeout": "180"}


@pytest.mark.slow
@pytest.mark.parametrize("named", [None, "named.conf", "missing.conf", os.devnull])
def test_pip_itself_uses_the_same(pip: ModuleType, environ: dict[str, str], tmp_path: Path, named: str | None) -> None:
    (tmp_path / "named.conf").write_text("[install]\nfind-links = /named\n[global]\nretries=3\n")
    if named:
        environ["PIP_CONFIG_FILE"] = str(tmp_path / named)
    answer = subprocess.run([sys.executable, "-c", PIPS_OWN], env=environ, capture_output=True, text=True, check=True)

    ours = {"retries": "5", "index-url": "https://pypi.org/simple"} | pip.read(environ)

    assert json.loads(answer.stdout) == {
        "find_links": ours.get("find-links", "").split(),
        "trusted_hosts": ours.get("trusted-host", "").split(),
        "timeout": float(ours["timeout"]),
        "retries": int(ours["retries"]),
        **{name: ours.get(name.replace("_", "-")) for name in ("proxy", "index_url", "cert")},
    }


def test_a_file_that_cannot_be_read_is_left_for_pip_to_refuse(
    pip: ModuleType, environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "env/pip.conf").write_text("no section\n")

    assert read(pip, environ, tmp_path / "env")["find-links"] == "/first /second"


def test_who_has_no_home_still_has_settings(pip: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_home() -> Path:
        raise RuntimeError

    monkeypatch.setattr(pip.Path, "home", no_home)

    assert pip.home({}) is None
    assert pip.read({"PIP_RETRIES": "3"}, str(tmp_path))["retries"] == "3"


def uv(pip: ModuleType, settings: dict[str, str], environ: dict[str, str] | None = None) -> dict[str, str]:
    found: dict[str, str] = pip.for_uv(settings, environ or {})
    return found


def test_every_setting_has_its_word_in_uv(pip: ModuleType, tmp_path: Path) -> None:
    settings = {
        "index-url": "https://user:word@index.example/simple",
        "extra-index-url": f"https://more.example/simple\n{tmp_path.as_uri()}",
        "find-links": f"{tmp_path} https://wheels.example/",
        "trusted-host": "index.example\nmore.example:8443",
        "timeout": "12.5",
        "retries": "4",
        "cert": "/bundle.pem",
        "client-cert": "/me.pem",
    }

    found = uv(pip, settings)

    assert found == {
        "UV_DEFAULT_INDEX": "https://user:word@index.example/simple",
        "UV_INDEX": f"https://more.example/simple {tmp_path.as_uri()}",
        "UV_FIND_LINKS": f"{tmp_path},https://wheels.example/",
        "UV_INSECURE_HOST": "index.example more.example:8443",
        "UV_HTTP_TIMEOUT": "13",
        "UV_HTTP_RETRIES": "4",
        "SSL_CERT_FILE": "/bundle.pem",
        "SSL_CLIENT_CERT": "/me.pem",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
    }


def test_local_places_that_are_missing_are_passed_over_as_pip_does(pip: ModuleType, tmp_path: Path) -> None:
    """uv stops at a folder of wheels that is not there."""
    found = uv(
        pip,
        {
            "index-url": "file:///missing/simple",
            "extra-index-url": f"file:///missing/more {tmp_path.as_uri()}",
            "find-links": "/missing ~/missing file:///missing/too",
        },
    )

    assert found["UV_DEFAULT_INDEX"] == tmp_path.as_uri()
    assert "UV_INDEX" not in found
    assert "UV_FIND_LINKS" not in found


def test_what_is_set_for_uv_stays(pip: ModuleType) -> None:
    found = uv(pip, {"index-url": "https://index.example/simple"}, {"UV_DEFAULT_INDEX": "https://own.example/simple"})

    assert found["UV_DEFAULT_INDEX"] == "https://own.example/simple"


@pytest.mark.parametrize(
    ("settings", "environ", "expected"),
    [
        ({}, {}, {"UV_SYSTEM_CERTS": "1"}),
        ({}, {"REQUESTS_CA_BUNDLE": "/r.pem"}, {"SSL_CERT_FILE": "/r.pem"}),
        ({}, {"SSL_CERT_FILE": "/s.pem"}, {"SSL_CERT_FILE": "/s.pem"}),
        ({"cert": "/pip.pem"}, {"SSL_CERT_FILE": "/s.pem"}, {"SSL_CERT_FILE": "/pip.pem"}),
        ({"cert": "/"}, {}, {"SSL_CERT_DIR": "/"}),
    ],
)
def test_uv_trusts_whom_pip_trusts(
    pip: ModuleType, settings: dict[str, str], environ: dict[str, str], expected: dict[str, str]
) -> None:
    found = uv(pip, settings, environ)

    assert {name: found[name] for name in found if "CERT" in name} == expected


def test_the_proxy_of_pip_is_the_only_one(pip: ModuleType) -> None:
    found = uv(pip, {"proxy": "user:word@proxy.example:3128"}, {"https_proxy": "http://other.example", "NO_PROXY": "*"})

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        assert found[name] == "http://user:word@proxy.example:3128"
    assert found["NO_PROXY"] == found["no_proxy"] == ""


@pytest.mark.parametrize(("given", "is_on"), [("1", True), ("Yes", True), ("true", True), ("0", False), ("", False)])
def test_a_yes_has_the_words_that_pip_knows(pip: ModuleType, given: str, is_on: bool) -> None:
    assert pip.is_on({"no-index": given}, "no-index") is is_on


def test_a_local_index_is_found_with_the_folders_that_its_pages_point_to(pip: ModuleType, tmp_path: Path) -> None:
    for name in ("index/simple/click", "index/files", "wheels", "private"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "index/files/click.whl").touch()
    (tmp_path / "index/simple/click/index.html").write_text(
        '<a href="../../files/click.whl#sha256=1">click</a> <a href="../../../private/gone.whl">x</a>'
        '<a href="https://index.example/click.whl">elsewhere</a>'
    )

    found = pip.local_folders(
        {
            "index-url": "https://index.example/simple",
            "extra-index-url": f"{(tmp_path / 'index/simple').as_uri()} file:///missing",
            "find-links": f"{tmp_path / 'wheels'} https://wheels.example/",
        }
    )

    assert found == [tmp_path / "index/files", tmp_path / "index/simple", tmp_path / "wheels"]
