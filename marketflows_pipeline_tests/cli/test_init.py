"""`init`: settings by options, where nobody can be asked; nothing is written that is not valid, or not wanted."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings import SOURCES
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.cli.asking import program
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coinpaprika.access import Access
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.hostile_names import dangerous


@pytest.fixture(scope="module")
def services() -> Iterator[tuple[FakeCoinGecko, FakeCoinPaprika]]:
    """Both services, over one market."""
    clock, market = FixedClock(START), generate(40, has_churn=False, has_flaws=False)
    paprika = FakeCoinPaprika(market, clock=clock, access=Access(calls_per_second=None))
    with FakeCoinGecko(market, clock=clock) as gecko, paprika:
        yield gecko, paprika


@pytest.fixture
def folder(tmp_path: Path, services: tuple[FakeCoinGecko, FakeCoinPaprika], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder; the services' own addresses lead to the fakes."""
    for service, plans in zip(services, (SOURCES["coingecko"].plans, SOURCES["coinpaprika"].plans), strict=True):
        for name, plan in plans.items():
            monkeypatch.setitem(plans, name, replace(plan, base_url=service.url))
    for name in ("COINGECKO_API_KEY", "COINGECKO_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def invoke(folder: Path, *arguments: str) -> Result:
    files = ["--config", str(folder / "config.toml"), "--secrets", str(folder / "secrets.toml")]
    return CliRunner().invoke(marketflows, [*files, "init", *arguments])


def refusal(folder: Path, *arguments: str) -> str:
    result = invoke(folder, *arguments)
    assert isinstance(result.exception, UserInputError), repr(result.exception)
    assert not (folder / "config.toml").exists()
    assert not list(folder.glob("*.draft"))
    return str(result.exception)


def written(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "config.toml").read_text())


def key_file(folder: Path, key: str = DEMO_KEY) -> str:
    path = folder / "key.txt"
    path.write_text(f"{key}\n")
    return str(path)


def test_defaults_need_neither_a_key_nor_a_call(folder: Path) -> None:
    result = invoke(folder, "--yes")

    assert result.exit_code == 0, repr(result.exception)
    assert written(folder) == {"provider": "coinpaprika"}
    assert "Next run:" in result.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["config.toml"]
    assert stat.S_IMODE((folder / "config.toml").stat().st_mode) & 0o044


@pytest.mark.slow
def test_every_answer_is_an_option(folder: Path) -> None:
    result = invoke(
        folder,
        *("--provider", "coinpaprika", "--narrative", "defi", "--narrative", "Layer 1 (L1)", "--days", "120"),
        *("--portfolio", "My Bag=BTC,eth", "--portfolio", "Old=aave-new", "--range", "1e9", "--range", "5e10"),
        *("--exchanges", "--cross-asset"),
    )

    assert result.exit_code == 0, repr(result.exception)
    assert written(folder) == {
        "provider": "coinpaprika",
        "providers": {
            "coingecko": {"plan": "keyless"},
            "coinpaprika": {
                "days": 120,
                "narratives": ["defi", "layer-1"],
                "range_lower_limits": [1e9, 5e10],
                "asset_groups": {"My Bag": ["btc-bitcoin", "eth-ethereum"], "Old": ["aave-new"]},
            },
        },
        "exchanges": {},
        "cross_asset": {},
    }
    assert '"btc-bitcoin", # Bitcoin' in (folder / "config.toml").read_text()
    assert "My Bag: BTC is btc-bitcoin (Bitcoin)" in result.stderr
    with Warehouse(folder / ".marketflows" / "warehouse.duckdb") as warehouse:
        calls = warehouse.query("select endpoint, run_id from meta.api_calls order by endpoint").rows()
    assert calls == [("/coins", "init"), ("/tags", "init"), ("/tickers", "init")], "what is asked is counted"


@pytest.mark.slow
def test_a_key_is_checked_by_one_call_and_kept_from_others(
    folder: Path, services: tuple[FakeCoinGecko, FakeCoinPaprika]
) -> None:
    before = len(services[0].exchanges)

    result = invoke(folder, "--api-key-file", key_file(folder), "--yes")

    assert result.exit_code == 0, repr(result.exception)
    assert [each.request.path for each in services[0].exchanges[before:]] == ["/api/v3/ping"]
    assert written(folder)["providers"] == {"coingecko": {"plan": "demo"}}
    secrets = folder / "secrets.toml"
    assert tomllib.loads(secrets.read_text()) == {"coingecko": {"api_key": DEMO_KEY}}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert DEMO_KEY not in result.output
    assert DEMO_KEY not in (folder / "config.toml").read_text()


@pytest.mark.slow
def test_a_key_that_does_not_work_leaves_nothing_behind(folder: Path) -> None:
    words = refusal(folder, "--api-key-file", key_file(folder, "CG-mistyped"), "--yes")

    assert words.startswith("the API key for plan demo: expected one that works: ")
    assert "CG-mistyped" not in words
    assert not (folder / "secrets.toml").exists()


@pytest.mark.slow
def test_a_key_of_the_environment_is_used_and_not_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINGECKO_API_KEY", DEMO_KEY)
    assert invoke(folder, "--yes").exit_code == 0
    assert written(folder)["provider"] == "coingecko"
    assert not (folder / "secrets.toml").exists()


def test_without_a_key_coingecko_goes_slowly(folder: Path) -> None:
    assert invoke(folder, "--provider", "coingecko", "--yes").exit_code == 0
    assert written(folder)["providers"] == {"coingecko": {"plan": "keyless"}}


def test_what_is_missing_without_a_terminal_is_named_at_once(folder: Path) -> None:
    assert refusal(folder, "--days", "30", "--no-exchanges") == (
        "standard input is no terminal, and --provider, --narrative, --portfolio, --range, --cross-asset are not "
        "given: expected them, or --yes for the defaults of what is missing"
    )


@pytest.mark.slow
def test_files_that_are_there_stay_unless_it_is_said(folder: Path) -> None:
    config, secrets = folder / "config.toml", folder / "secrets.toml"
    config.write_text('provider = "coinpaprika" # mine\n')
    secrets.write_text('[coinpaprika]\napi_key = "mine"\n')
    config_there = invoke(folder, "--yes")
    assert str(config_there.exception) == f"{config}: is there already; expected another --config, or --force"
    assert "# mine" in config.read_text()

    config.unlink()
    refused = refusal(folder, "--api-key-file", key_file(folder), "--yes")
    assert refused == f"{secrets}: is there already; expected another --secrets, or --force"

    assert invoke(folder, "--api-key-file", key_file(folder), "--yes", "--force").exit_code == 0
    keys = tomllib.loads(secrets.read_text())
    assert keys == {"coinpaprika": {"api_key": "mine"}, "coingecko": {"api_key": DEMO_KEY}}, "no other key is lost"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600


@pytest.mark.slow
def test_a_link_is_replaced_and_not_written_through(folder: Path) -> None:
    elsewhere = folder / "elsewhere"
    elsewhere.write_text("")
    (folder / "secrets.toml").symlink_to(elsewhere)

    assert invoke(folder, "--api-key-file", key_file(folder), "--yes", "--force").exit_code == 0

    assert elsewhere.read_text() == ""
    assert not (folder / "secrets.toml").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--narrative", "layr-1"],
            "--narrative 'layr-1': expected a category that coinpaprika lists; did you mean layer-1",
        ),
        (
            ["--portfolio", "Bag=btc,nosuchcoin"],
            "--portfolio 'Bag': expected a symbol or id of one coin that coinpaprika",
        ),
        (["--portfolio", "btc,eth"], "--portfolio 'btc,eth': expected NAME=SYMBOL,SYMBOL, each name once"),
        (
            ["--portfolio", "a/b=btc"],
            "config.toml: providers.coinpaprika.asset_groups.'a/b' = 'a/b': expected a name that",
        ),
        (["--range", "a lot"], "--range 'a lot': expected a limit in USD, such as 1e9, or none"),
        (["--range", "-1"], "config.toml: providers.coinpaprika.range_lower_limits[0] = -1.0: expected whole dollars"),
        (
            ["--range", "none", "--narrative", "none", "--portfolio", "none"],
            "config.toml: providers.coinpaprika.flow_types",
        ),
        (["--plan", "demo"], "--plan demo: expected a key for it, by --api-key-file FILE or COINGECKO_API_KEY"),
        (["--plan", "demo", "--provider", "coinpaprika"], "--plan: expected with --provider coingecko"),
        (["--portfolio", "B\udce9=btc"], "--portfolio is not UTF-8 text: byte 2 is 0xe9"),
        (["--narrative", "\udce9"], "--narrative is not UTF-8 text: byte 1 is 0xe9"),
        (["--api-key-file", "no-such-file"], "--api-key-file 'no-such-file': no such file"),
    ],
)
def test_a_wrong_answer_is_one_line_and_nothing_is_written(folder: Path, arguments: list[str], words: str) -> None:
    said = refusal(folder, *arguments, "--yes")
    assert said.removeprefix(f"{folder}/").startswith(words)
    assert "\n" not in said


@pytest.mark.slow
def test_hostile_names_are_quoted_and_reach_no_terminal(folder: Path) -> None:
    assert dangerous(refusal(folder, "--portfolio", "\x1b[2J\u202e", "--yes")) == set()

    assert invoke(folder, "--portfolio", "O'Bag [x] # ä=btc", "--yes").exit_code == 0
    assert written(folder)["providers"]["coinpaprika"]["asset_groups"] == {"O'Bag [x] # ä": ["btc-bitcoin"]}


@pytest.mark.slow
def test_the_help_names_it_and_a_key_is_no_argument(tmp_path: Path) -> None:
    shown = program(tmp_path, "init", "--help")
    assert shown.returncode == 0
    assert not {"dagster", "altair", "polars"} & set(shown.stderr.split())
    refused = program(tmp_path, "init", "--api-key", "CG-x")
    assert refused.returncode == 2
    assert program(tmp_path, "--tutorial", "init", "--yes").returncode == 2
