"""`plan`: what settings cost before anything is asked, without a key, a network or a stored row."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.system.run_lock import RunLock
from marketflows_pipeline_tests.cli.asking import program
from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.examples import one_quick
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES, dangerous
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame

# The package has the command under the name of its module.
COMMAND = import_module("marketflows_pipeline.cli.plan")

OWN = """
[providers.coingecko]
flow_types = ["individual_assets"]
days = 30
[providers.coingecko.asset_groups]
Pair = ["bitcoin", "ethereum", "solana"]
"""


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    for name in ("COINGECKO_API_KEY", "COINGECKO_API_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    fixed = FixedClock(NOW)
    monkeypatch.setattr(COMMAND, "SystemClock", lambda: fixed)
    return fixed


def invoke(folder: Path, *arguments: str) -> Result:
    files = ["--config", str(folder / "config.toml"), "--secrets", str(folder / "secrets.toml")]
    return CliRunner().invoke(marketflows, [*files, "plan", *arguments])


def body(folder: Path) -> Any:
    result = invoke(folder, "--format", "json")
    assert result.exit_code == 0, result.output + repr(result.exception)
    return json.loads(result.stdout, parse_constant=pytest.fail)


def calls(answer: Any, what: str) -> int:
    (found,) = (each["next_run"] for each in answer["families"] if each["endpoint"] == what)
    return int(found)


def history(coin: str, outcome: str = "complete") -> dict[str, Any]:
    window = {"window_start": NOW - 31 * 24 * HOUR, "window_end": NOW - HOUR, "attempted_at": NOW - HOUR}
    return {"coin_id": coin, "granularity": "hourly", "outcome": outcome, **window}


def publish(folder: Path, config: str = OWN) -> Path:
    """What a run left that fetched two of three histories."""
    return publish_tables(
        folder,
        "market_caps",
        {
            "raw.market_caps": caps(("bitcoin", NOW - HOUR, 1e12), ("ethereum", NOW - HOUR, 1e11)),
            "meta.backfills": frame("meta.backfills", history("bitcoin"), history("ethereum")),
            "meta.api_calls": frame(
                "meta.api_calls",
                *({"call_id": str(at), "provider": "coingecko", "sent_at": NOW - HOUR} for at in range(9)),
            ),
        },
        config=config,
        now=NOW,
    )


def test_before_anything_is_stored_the_settings_tell_all(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN)

    answer = body(tmp_path)

    assert answer["stored"] is None
    assert answer["assumptions"] == []
    # three histories, one request by id, the snapshot of all categories
    assert answer["credits"]["next_run"] == 5
    assert (answer["credits"]["hour"], answer["credits"]["day"], answer["credits"]["suffices"]) == (1, 1, True)
    assert list(tmp_path.iterdir()) == [tmp_path / "config.toml"], "a plan leaves nothing behind"


def test_a_missing_key_is_a_warning_and_no_fault(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN)
    assert "warning: plan 'demo' needs a key" in invoke(tmp_path).stderr

    (tmp_path / "config.toml").write_text(OWN.replace("days = 30", 'days = 30\nplan = "keyless"'))
    assert invoke(tmp_path).stderr == ""


def test_what_is_unknown_is_assumed_and_said(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[exchanges]\n")

    answer = body(tmp_path)

    assert answer["assumptions"] == [
        "110 coins exceed 1,000,000,000 USD, which is a typical count",
        # bitcoin, ethereum, solana, ripple, the cohort, and two narratives of ten
        "134 coins are followed, were no coin a member of two groups",
        "1,500 exchanges are listed",
        "every tracked exchange has a volume chart and known reserves",
    ]
    assert "Assumed: 110 coins exceed 1,000,000,000 USD" in invoke(tmp_path).stdout


@pytest.mark.slow
def test_what_is_stored_is_not_asked_for_again(tmp_path: Path) -> None:
    publish(tmp_path)

    answer = body(tmp_path)

    assert answer["stored"] == "the private file"
    assert calls(answer, "/coins/{id}/market_chart") == 1
    assert answer["credits"]["spent"] == 9


@pytest.mark.slow
def test_charts_and_kinds_are_counted_once_for_each_exchange(tmp_path: Path) -> None:
    rows = [
        {"dataset": dataset, "target": target, "attempted_at": NOW - back * HOUR, "rows_served": back}
        for dataset, targets in (("volume_chart", ("kraken", "no_more")), ("exchange", ("kraken",)))
        for target in targets
        for back in (1, 2)
    ]
    rows.append({"dataset": "listing", "target": "", "attempted_at": NOW - HOUR, "rows_served": 5})
    fetches = frame("meta.fetches", *({"outcome": "complete", **row} for row in rows))
    config = '[exchanges]\ntracked = ["binance", "kraken", "okx"]\n'
    publish_tables(tmp_path, "exchanges", {"meta.fetches": fetches}, config=config, now=NOW)

    answer = body(tmp_path)

    assert calls(answer, "/exchanges/{id}/volume_chart") == 2
    assert calls(answer, "/exchanges/{id}") == 4


@pytest.mark.slow
@pytest.mark.parametrize(("is_mapped", "due"), one_quick([(True, 0), (False, 2)]))
def test_the_chart_of_an_exchange_tracked_by_its_slug_is_looked_up_by_its_id(
    tmp_path: Path, is_mapped: bool, due: int
) -> None:
    """A slug is no name of a chart: each hour the plan counted one more call than there was to make."""
    fetched = frame(
        "meta.fetches",
        *({"dataset": "volume_chart", "target": name, "outcome": "complete"} for name in ("binance", "new_one")),
    )
    ids = (("binance", "binance-cex"), ("new_one", "newer"), (None, "reserves-only"))
    exchanges = frame(
        "core.exchanges", *({"exchange_key": slug, "exchange_id": own, "defillama_slug": slug} for own, slug in ids)
    )
    config = '[exchanges]\ntracked = ["binance-cex", "binance", "newer", "reserves-only"]\n'
    tables = {"meta.fetches": fetched} | ({"core.exchanges": exchanges} if is_mapped else {})
    publish_tables(tmp_path, "exchanges", tables, config=config, now=NOW)

    assert calls(body(tmp_path), "/exchanges/{id}/volume_chart") == due


def test_while_a_run_goes_on_the_published_file_answers(tmp_path: Path) -> None:
    publish(tmp_path)

    with RunLock(tmp_path / ".marketflows" / "warehouse.lock").acquire(command="marketflows"):
        answer = body(tmp_path)

    assert answer["stored"] == "the published file, since a run is going on"
    assert calls(answer, "/coins/{id}/market_chart") == 1


@pytest.mark.slow
def test_a_private_file_that_cannot_be_read_is_no_reason_to_fail(tmp_path: Path) -> None:
    publish(tmp_path)
    (tmp_path / ".marketflows" / "warehouse.duckdb").write_bytes(b"no database")

    assert body(tmp_path)["stored"] == "the published file, since the private one could not be read"


def test_a_month_that_does_not_hold_it_names_the_keys_to_lower(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[exchanges]\n[providers.coingecko]\ndays = 1\n")

    answer = body(tmp_path)
    words = " ".join(invoke(tmp_path).stdout.split())

    assert answer["credits"]["suffices"] is False
    assert answer["lower"][0]["key"] == "providers.coingecko.days"
    assert "does NOT suffice" in words
    assert "Lower providers.coingecko.days: 2 or more" in words
    assert "Lower exchanges: leave the table out; saves 2,232 credits a month." in words


@pytest.mark.slow
def test_the_tutorial_asks_for_nothing_and_a_faulty_file_is_the_users(tmp_path: Path) -> None:
    refused = program(tmp_path, "--tutorial", "plan")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "the tutorial asks no service for anything" in refused.stderr

    (tmp_path / "config.toml").write_text("[providers.coingecko]\ndays = true\n")
    faulty = program(tmp_path, "plan")
    assert (faulty.returncode, faulty.stdout) == (2, "")
    assert "config.toml: providers.coingecko.days" in faulty.stderr


@pytest.mark.slow
def test_the_command_imports_neither_dagster_nor_altair(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN)

    done = program(tmp_path, "plan")

    assert done.returncode == 0, done.stderr
    assert not {"dagster", "altair"} & set(done.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize("output_format", one_quick(["table", "json"]))
def test_hostile_names_of_the_settings_reach_no_terminal(tmp_path: Path, output_format: str) -> None:
    names = [name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"]
    (tmp_path / "config.toml").write_text("")
    coins = frame("raw.market_caps", *({"coin_id": name, "ts": NOW - HOUR} for name in names))
    publish_tables(tmp_path, "market_caps", {"raw.market_caps": coins}, config="", now=NOW)

    result = invoke(tmp_path, "--format", output_format)

    assert result.exit_code == 0, repr(result.exception)
    assert dangerous(result.stdout + result.stderr) == set()


def test_own_files_cost_nothing(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "config.toml").write_text('provider = "folder"\n[providers.folder]\npath = "own"\n')

    found = body(tmp_path)

    assert (found["families"], found["credits"]["next_run"], found["credits"]["month"]) == ([], 0, 0)
    words = invoke(tmp_path).stdout
    assert "Nothing is requested of folder, and nothing counted." in words
    assert "plan 'files'" not in words


def test_a_second_provider_costs_a_call_a_day_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(OWN)
    alone = body(tmp_path)["credits"]
    (tmp_path / "config.toml").write_text(f'{OWN}[market_caps]\ncross_check = "coinpaprika"\n')

    answer = body(tmp_path)

    (family,) = (each for each in answer["families"] if each["provider"] == "coinpaprika")
    assert (family["part"], family["hour"], family["day"]) == ("market_caps", 0, 1)
    assert answer["credits"] == alone
