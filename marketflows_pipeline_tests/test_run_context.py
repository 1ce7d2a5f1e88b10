"""What a run is opened with: context and clients."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from marketflows_pipeline.clients import Clients
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import TransientProviderError, UserInputError, WarehouseError
from marketflows_pipeline.options import RunOptions
from marketflows_pipeline.run_context import RunContext, open_run
from marketflows_pipeline.warehouse.ledger import WarehouseLedger
from marketflows_pipeline.warehouse.publish import publish
from marketflows_pipeline_tests.warehouse.frames import NOW, caps


def clients_of(run: RunContext) -> Clients:
    return Clients(run.settings, run.options, WarehouseLedger(run.warehouse, run.run_id), run.clock)


@pytest.mark.slow
def test_the_tutorial_is_offline_whatever_the_environment_says_of_proxies_and_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "[gopher://nowhere")
    with open_run(RunOptions(tutorial=True), run_id="a run") as run:
        assert clients_of(run).cross_asset.prices


def test_a_first_session_that_is_yet_to_come_is_refused_before_anything_is_asked_for(tmp_path: Path) -> None:
    """Histories of 500 coins were fetched first."""
    config = tmp_path / "config.toml"
    config.write_text('providers.coingecko.plan = "keyless"\n[cross_asset]\nstart = 2026-10-10\n')
    options = RunOptions(config=config, secrets=tmp_path / "secrets.toml")
    midnight = datetime(2026, 10, 10, tzinfo=UTC)
    expected = r"config\.toml: cross_asset\.start = .?2026-10-10.?: expected a day before 2026-10-10$"
    with (
        pytest.raises(UserInputError, match=expected),
        open_run(options, run_id="a run", clock=FixedClock(midnight), environ={}),
    ):
        pass
    with open_run(options, run_id="a run", clock=FixedClock(midnight + timedelta(days=1)), environ={}):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("way_on", ["a copy of what was published", "a new beginning"])
def test_a_new_private_file_beside_a_published_one_is_refused_until_the_user_has_decided(
    tmp_path: Path, way_on: str
) -> None:
    """Moved to another machine without its hidden folder, a warehouse lost all its history with the second publish."""
    config = tmp_path / "config.toml"
    config.write_text('providers.coingecko.plan = "keyless"\n')
    options = RunOptions(config=config, secrets=tmp_path / "secrets.toml")
    private, link = tmp_path / ".marketflows" / "warehouse.duckdb", tmp_path / "warehouse" / "marketflows.duckdb"
    run = partial(open_run, options, run_id="a run", clock=FixedClock(NOW), environ={})
    with run() as first:
        first.warehouse.merge("raw.market_caps", caps(("bitcoin", NOW, 1.6e12)))
        publish(first.warehouse, part="market_caps", run_id="a run", now=NOW, published_path=link)
    private.unlink()
    with pytest.raises(WarehouseError, match=f"{private} holds no history, but {link} was published") as raised, run():
        pass

    command = re.search(r"\((cp .+)\)", str(raised.value))
    assert command
    if way_on == "a new beginning":
        link.unlink()
    else:
        subprocess.run(shlex.split(command[1]), check=True)
    with run() as second:
        kept = second.warehouse.read("raw.market_caps")["market_cap_usd"].to_list()
    assert kept == ([] if way_on == "a new beginning" else [1.6e12])
    assert private.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_every_service_of_a_run_waits_within_the_limit_of_its_options(tmp_path: Path) -> None:
    """A step that was tried once more opened its services anew, and with them the time that each may be waited for."""
    names = ("coingecko", "defillama", "yahoo", "ssga", "blackrock", "spdr_gold", "invesco", "cboe", "fred")
    # Port 1 of the own machine answers nobody.
    homes = "".join(f'[providers.{name}]\nbase_url = "http://127.0.0.1:1"\n' for name in names)
    config = tmp_path / "config.toml"
    config.write_text(f"{homes}[exchanges]\n[cross_asset]\n".replace('1"\n', '1"\nplan = "keyless"\n', 1))
    options = RunOptions(config=config, secrets=tmp_path / "secrets.toml", wait_limit=timedelta(seconds=100))
    start = datetime(2026, 10, 10, tzinfo=UTC)
    with open_run(options, run_id="a run", clock=FixedClock(start), environ={}) as run:
        clients = clients_of(run)
        market = clients.cross_asset
        day = start.date()
        requests: list[Callable[[], object]] = [
            clients.market_caps.coin_list,
            clients.reserves.cexs,
            lambda: market.prices[0].daily_bars("SPY", "SPY", day, day),
            *(partial(issuer.shares_outstanding, "X", "1") for issuer in market.shares.values()),
            *(partial(oracle.volatility_index, "VIX") for oracle in market.volatility),
        ]
        for request in requests:
            with pytest.raises(TransientProviderError):
                request()
        assert all(clients.waits.of(name).left_s < 50 for name in names)
        assert clients.cross_asset is market, "a step that is retried goes on with what is left"
