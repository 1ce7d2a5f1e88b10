"""Runs and commands whose settings share budgets by Postgres."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.clients import Clients
from marketflows_pipeline.clock import FixedClock, SystemClock
from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.errors import CoordinationError, CreditsExhaustedError, RunLockedError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.providers.http.ledger import month_of
from marketflows_pipeline.run_context import RunContext, open_run
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.settings.postgres import PostgresTarget
from marketflows_pipeline.warehouse.guarded import GuardedWarehouse
from marketflows_pipeline.warehouse.ledger import WarehouseLedger
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.coinpaprika.access import Access
from marketflows_pipeline_tests.fakes.coinpaprika.service import FakeCoinPaprika
from marketflows_pipeline_tests.fakes.generate import START, generate
from marketflows_pipeline_tests.services.postgres import PASSWORD, PostgresServer

Host = Callable[..., RunOptions]
ENVIRON = {"MARKETFLOWS_POSTGRES_PASSWORD": PASSWORD}


@pytest.fixture
def service() -> Iterator[FakeCoinPaprika]:
    access = Access(calls_per_second=None, monthly_calls=None)
    with FakeCoinPaprika(generate(3), clock=FixedClock(START), access=access) as running:
        yield running


@pytest.fixture
def host(tmp_path: Path, service: FakeCoinPaprika, postgres: PostgresTarget) -> Host:
    """A host of that name: a folder of its own, and a database that it shares."""

    def make(name: str, *, monthly_credits: int = 3) -> RunOptions:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "config.toml").write_text(
            f'provider = "coinpaprika"\n[providers.coinpaprika]\nbase_url = "{service.url}"\n'
            f"monthly_credits = {monthly_credits}\n"
            f'[execution]\ncoordination = "postgres"\ndatabase = "postgres:dbname={postgres.dbname} '
            f'host={postgres.host} port={postgres.port} user={postgres.user}"\n'
        )
        return RunOptions(config=folder / "config.toml", secrets=folder / "secrets.toml")

    return make


def clients_of(run: RunContext) -> Clients:
    return Clients(run.settings, run.options, WarehouseLedger(run.warehouse, run.run_id), run.clock)


def request(options: RunOptions, times: int = 1) -> None:
    with open_run(options, run_id="a run", environ=ENVIRON) as run, clients_of(run) as clients:
        for _ in range(times):
            clients.market_caps.coin_list()


def answer(options: RunOptions, line: str) -> tuple[str, str]:
    arguments = ["--config", str(options.config), "--secrets", str(options.secrets), *line.split()]
    result = CliRunner(env=ENVIRON).invoke(marketflows, arguments)
    assert result.exit_code in {0, 1}, result.output
    return result.stdout, result.stderr


def test_two_hosts_spend_one_months_credits_and_each_records_its_own_calls(
    host: Host, service: FakeCoinPaprika
) -> None:
    first, second = host("a"), host("b")
    request(first, 2)
    request(second)
    with pytest.raises(CreditsExhaustedError, match=r"the 3 credits of plan 'free' .* \(3 calls sent\)"):
        request(second)
    assert service.calls() == 3
    with open_run(second, run_id="another", environ=ENVIRON) as run:
        recorded = run.warehouse.query("select count(*) as n from meta.api_calls where provider = 'coinpaprika'")
        assert recorded["n"].item() == 1


def test_a_quota_that_is_used_up_stops_the_other_host_too(host: Host, service: FakeCoinPaprika) -> None:
    first, second = host("a", monthly_credits=100), host("b", monthly_credits=100)
    service.script("/coins", faults.empty(402))
    with pytest.raises(CreditsExhaustedError, match="HTTP 402"):
        request(first)
    with pytest.raises(CreditsExhaustedError, match="the service has told one of the hosts"):
        request(second)
    assert service.calls() == 1


def test_status_and_plan_show_what_all_hosts_have_spent(host: Host) -> None:
    first, second = host("a", monthly_credits=1000), host("b", monthly_credits=1000)
    request(first, 2)
    request(second)
    month = month_of(SystemClock().now())
    status = json.loads(answer(second, "status --format json")[0])
    assert (status["credits"]["spent"], status["credits"]["left"]) == (3, 997)
    assert status["credits"]["counted_by"] == "all hosts"
    assert f"3 of 1,000 spent in {month:%B %Y} by all hosts, 997 left" in answer(second, "status")[0]
    plan = json.loads(answer(second, "plan --format json")[0])
    assert plan["credits"]["spent"] == 3
    assert plan["stored"].endswith("the credits that all hosts have spent")


def test_without_the_database_they_answer_from_what_this_host_knows(
    host: Host, postgres: PostgresTarget, postgres_server: PostgresServer
) -> None:
    options = host("a", monthly_credits=1000)
    request(options)
    text = options.config.read_text()
    options.config.write_text(text.replace(postgres.dbname, "nowhere"))
    for command in ("status", "plan"):
        printed, said = answer(options, command)
        assert printed
        assert said.startswith("note: Postgres, nowhere on 127.0.0.1:")
        assert "does not exist" in said
        assert PASSWORD not in printed + said


def test_a_run_without_its_database_asks_nothing_and_fails_in_one_line(
    host: Host, postgres: PostgresTarget, service: FakeCoinPaprika
) -> None:
    options = host("a")
    options.config.write_text(options.config.read_text().replace(postgres.dbname, "nowhere"))
    with pytest.raises(CoordinationError) as refused:
        request(options)
    assert refused.value.exit_code == 1
    assert "\n" not in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert service.calls() == 0
    assert not (options.config.parent / ".marketflows").exists()


def test_a_database_that_goes_in_mid_run_ends_the_run_and_loses_nothing(
    host: Host, postgres: PostgresTarget, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock stands still, but for sleepers; the pool waits by the machine's.
    monkeypatch.setattr("marketflows_pipeline.coordination.database.CONNECT_TIMEOUT_S", 2)
    options = host("a", monthly_credits=1000)
    clock = FixedClock(datetime.now(UTC))
    with open_run(options, run_id="a run", environ=ENVIRON, clock=clock) as run, clients_of(run) as clients:
        clients.market_caps.coin_list()
        postgres_server.stop("immediate")
        try:
            with pytest.raises(CoordinationError, match="could not be used"):
                clients.market_caps.coin_list()
        finally:
            postgres_server.start()
        clients.market_caps.coin_list()
        assert clients.ledger.spent("coinpaprika", month_of(clock.now())) == 2
    with Database(postgres, PASSWORD) as database:
        assert database.ask("select used from credits") == [(2,)]


def test_parts_that_are_locked_one_by_one_go_on_at_once_and_each_write_is_guarded(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "locks_parts", True)
    monkeypatch.setattr(Settings, "store_name", "lake")
    monkeypatch.setattr("marketflows_pipeline.run_context.LOCK_WAIT_S", 0.0)
    first, second = host("a"), host("b")
    with open_run(first, run_id="1", environ=ENVIRON, parts=["market_caps"]) as run:
        assert isinstance(run.warehouse, GuardedWarehouse)
        with open_run(second, run_id="2", environ=ENVIRON, parts=["exchanges"]):
            pass
        with (
            pytest.raises(RunLockedError, match="another run is going on"),
            open_run(second, run_id="3", environ=ENVIRON, parts=["market_caps", "exchanges"]),
        ):
            pass
