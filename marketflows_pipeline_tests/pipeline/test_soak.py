"""Days of hourly runs: faults, limits, an outage, kills, bad rows, coins and members that come and go."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from benchmarks.soak.evidence import evaluate
from benchmarks.soak.files import Files, another_file_system
from benchmarks.soak.finding import Finding
from benchmarks.soak.plan import Plan
from benchmarks.soak.simulation import Simulation

# The first test waits for all runs.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

PROMISES = (
    "runs are killed at random",
    "members come and go",
    "coins come and go",
    "rows never fall",
    "no stored observation vanishes",
    "no observation served is lost",
    "gaps are repaired",
    "repairs come in order of importance",
    "a month costs at most 10,000 credits",
    "every attempt is counted",
    "every published file is whole",
    "the run after a kill heals",
    "an outage changes nothing",
    "every injected fault is met",
    "every hour in which the services answered is published",
    "an hour without an answer fails in one line",
    "a passing fault refuses nothing",
    "impossible rows do not count",
    "faulty answers rarely fail a run",
    "rows per day",
    "files grow with their rows",
)


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    folder = tmp_path_factory.mktemp("soak")
    with another_file_system() as elsewhere:
        simulated = Simulation(
            folder, Plan(ticks=38, kills=3, coins=40, days=7, refresh_every=16), elsewhere or folder / "warehouse"
        )
        simulated.run()
        yield simulated


@pytest.fixture(scope="module")
def findings(simulation: Simulation) -> dict[str, Finding]:
    return by_promise(simulation)


def by_promise(simulation: Simulation) -> dict[str, Finding]:
    return {finding.promise: finding for finding in evaluate(simulation)}


@pytest.mark.parametrize("promise", PROMISES)
def test_in_days_of_hourly_runs(findings: dict[str, Finding], promise: str) -> None:
    assert findings[promise].is_kept, findings[promise].found


def test_no_promise_is_left_unevaluated(findings: dict[str, Finding]) -> None:
    assert sorted(findings) == sorted(PROMISES)


@pytest.mark.parametrize(
    ("tampering", "broken"),
    [
        ("delete from raw.market_caps where coin_id = 'ethereum' and hour(ts) = 3", "no observation served is lost"),
        (
            "update raw.market_caps set market_cap_usd = 1 where coin_id = 'bitcoin' and market_cap_usd < 1e15",
            "no observation served is lost",
        ),
        ("delete from meta.repairs where outcome = 'nothing_new'", "gaps are repaired"),
        ("delete from meta.api_calls where attempt = 2", "every attempt is counted"),
        ("update meta.repairs set outcome = 'refused' where outcome = 'filled'", "a passing fault refuses nothing"),
        ("update meta.quarantine set released_at = added_at", "impossible rows do not count"),
    ],
)
def test_the_evidence_shows_what_was_tampered_with(
    simulation: Simulation, tmp_path: Path, tampering: str, broken: str
) -> None:
    tampered = copy.copy(simulation)
    tampered.files = Files(
        Path(shutil.copytree(simulation.folder, tmp_path / "tampered", symlinks=True)), simulation.files.published
    )
    with duckdb.connect(str(tampered.files.private)) as connection:
        connection.execute(tampering)
    found = {promise for promise, finding in by_promise(tampered).items() if not finding.is_kept}
    # What is deleted is a gap too, which waits where the last run had repairs to spare.
    assert broken in found
    assert found - {broken} <= ({"gaps are repaired"} if tampering.startswith("delete from raw") else set())
