"""`ids map`: what it costs is said first, and what it proposes can be pasted."""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings import load_settings
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.cli.asking import program
from marketflows_pipeline_tests.fakes.coingecko.access import DEMO_KEY
from marketflows_pipeline_tests.fakes.coingecko.service import FakeCoinGecko
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate

COMMAND = import_module("marketflows_pipeline.cli.ids")
CONFIG = """
[providers.coingecko]
base_url = "{coingecko}"
[providers.coingecko.asset_groups]
Bag = ["bitcoin", "aave", "no-such-coin"]
Lost = ["nor-this-one"]
[providers.coinpaprika]
base_url = "{coinpaprika}"
"""


@pytest.fixture(scope="module")
def addresses() -> Iterator[dict[str, str]]:
    """Both services, over one market."""
    clock, market = FixedClock(START), generate(40, has_churn=False, has_flaws=False)
    with FakeCoinGecko(market, clock=clock) as gecko, FakeCoinPaprika(market, clock=clock) as paprika:
        yield {"coingecko": gecko.url, "coinpaprika": paprika.url}


@pytest.fixture
def folder(tmp_path: Path, addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG.format(**addresses))
    monkeypatch.setenv("COINGECKO_API_KEY", DEMO_KEY)
    monkeypatch.setattr(COMMAND, "SystemClock", lambda: FixedClock(START))
    return tmp_path


def invoke(folder: Path, *arguments: str) -> Result:
    files = ["--config", str(folder / "config.toml"), "--secrets", str(folder / "secrets.toml")]
    return CliRunner().invoke(marketflows, [*files, "ids", "map", *arguments])


@pytest.mark.slow
def test_coins_of_portfolios_and_bases_are_mapped_and_the_lines_are_valid(folder: Path) -> None:
    result = invoke(folder, "--to", "coinpaprika")

    assert result.exit_code == 0, repr(result.exception)
    assert result.stderr.startswith("4 coins: at most 3 calls to coingecko and 15 calls to coinpaprika")
    assert "2 of 4 coins of coingecko found at coinpaprika" in result.stdout
    assert "its own provider lists no coin of that id" in " ".join(result.stdout.split())
    lines = result.stdout[result.stdout.index("# To compare") :]
    assert tomllib.loads(lines) == {
        "market_caps": {
            "cross_check": "coinpaprika",
            "cross_check_ids": {"bitcoin": "btc-bitcoin", "aave": "aave-new"},
        },
        "providers": {
            "coinpaprika": {
                "base_assets": ["btc-bitcoin"],
                "asset_groups": {"Bag": ["btc-bitcoin", "aave-new"]},
            }
        },
    }


@pytest.mark.slow
def test_programs_get_rows_and_every_call_is_counted(folder: Path) -> None:
    answer = json.loads(invoke(folder, "--to", "coinpaprika", "--format", "json").stdout)
    assert (answer["from"], answer["to"], answer["mapped"]) == ("coingecko", "coinpaprika", 2)
    assert {each["coin_id"] for each in answer["coins"] if each["reason"]} == {"no-such-coin", "nor-this-one"}

    rows = list(csv.DictReader(io.StringIO(invoke(folder, "--to", "coinpaprika", "--format", "csv").stdout)))
    assert [row["other_id"] for row in rows] == ["btc-bitcoin", "aave-new", "", ""]

    with Warehouse(folder / ".marketflows" / "warehouse.duckdb") as warehouse:
        calls = warehouse.query(
            "select provider, count(*) as n, min(run_id) as run_id from meta.api_calls group by all"
        )
    assert set(calls["provider"]) == {"coingecko", "coinpaprika"}
    assert set(calls["run_id"]) == {"ids map"}


@pytest.mark.slow
def test_a_mapping_that_cannot_be_asked_for_is_one_line(folder: Path) -> None:
    same = invoke(folder, "--to", "coingecko")
    assert isinstance(same.exception, UserInputError)
    assert str(same.exception) == "--to coingecko: expected another provider than --from, which is coingecko"

    refused = program(folder, "--tutorial", "ids", "map", "--to", "coinpaprika")
    assert refused.returncode == 2
    assert "the tutorial's coins are made up" in refused.stderr
    unknown = program(folder, "ids", "map", "--to", "kraken")
    assert (unknown.returncode, unknown.stdout) == (2, "")


def test_the_key_of_the_provider_that_is_asked_is_read_whoever_the_chosen_one_is(folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text('provider = "coinpaprika"\n')
    settings = load_settings(config, None, {"COINGECKO_API_KEY": DEMO_KEY}, also_asked=["coingecko"])
    assert settings.secrets.of("coingecko") is not None
    assert load_settings(config, None, {"COINGECKO_API_KEY": DEMO_KEY}).secrets.of("coingecko") is None
