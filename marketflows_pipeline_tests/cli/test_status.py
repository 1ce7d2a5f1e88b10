"""`status`: how each part stands, in two forms, with an exit code that cron and monitors act on."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from click.testing import CliRunner, Result

from marketflows_pipeline.cli import marketflows, report_command
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.system.run_lock import RunLock
from marketflows_pipeline_tests.cli.asking import program
from marketflows_pipeline_tests.cli.reports.publishing import publish_tables
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES, dangerous
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW, caps, frame

DAY = timedelta(days=1)
STORED = [name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"]


def finding(name: str, **facts: Any) -> dict[str, Any]:
    return {"check_name": name, "table_name": "raw.coins", "run_id": "run-1", "passed": False, "is_blocking": False,
            "part": "market_caps", **facts}  # fmt: skip


def calls(*sent: tuple[datetime, int], provider: str = "coingecko") -> list[dict[str, Any]]:
    return [
        {"call_id": f"{provider} {at} {place}", "sent_at": at, "provider": provider}
        for at, count in sent
        for place in range(count)
    ]


FINDINGS = [
    finding("a_jump", evidence="2 rows: coin_id x"),
    finding("an_old_jump", run_id="run-0"),
    finding("of_exchanges", part="exchanges"),
    finding("a_wall", is_blocking=True),
    finding("a_good_one", passed=True),
]
CALLS = [
    *calls((NOW - HOUR, 300), (NOW - 3 * DAY, 700), (NOW - 30 * DAY, 50)),
    *calls((NOW - HOUR, 20), provider="defillama"),
]


def publish(folder: Path, config: str = "", **tables: list[dict[str, Any]]) -> Path:
    """Publish a market-cap part whose newest observation is five minutes old."""
    frames: dict[str, pl.DataFrame] = {
        "raw.market_caps": caps(("bitcoin", NOW - timedelta(minutes=5), 1e12)),
        "core.daily_closes": frame(
            "core.daily_closes", {"coin_id": "bitcoin", "ts": NOW.replace(hour=0), "observed_at": NOW.replace(hour=0)}
        ),
    }
    frames |= {f"meta.{name}": frame(f"meta.{name}", *rows) for name, rows in tables.items()}
    return publish_tables(folder, "market_caps", frames, config=config, now=NOW)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("status")
    publish(folder, check_results=FINDINGS, api_calls=CALLS)
    return folder


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> FixedClock:
    fixed = FixedClock(NOW)
    monkeypatch.setattr(report_command, "SystemClock", lambda: fixed)
    return fixed


def invoke(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(marketflows, ["--config", str(folder / "config.toml"), "status", *arguments])


def body(folder: Path, exit_code: int) -> Any:
    result = invoke(folder, "--format", "json")
    assert result.exit_code == exit_code, result.output + repr(result.exception)
    return json.loads(result.stdout, parse_constant=pytest.fail)


def part(folder: Path, name: str, exit_code: int) -> Any:
    return next(each for each in body(folder, exit_code)["parts"] if each["part"] == name)


def test_a_part_within_its_limits_is_fresh_and_the_exit_code_0(published: Path, at: FixedClock) -> None:
    answer = body(published, 0)

    assert (answer["stale"], answer["run_is_active"]) == (False, False)
    caps_part = answer["parts"][0]
    assert caps_part["as_of"] == "2026-11-20T17:55:00+00:00"
    assert (caps_part["state"], caps_part["age_s"], caps_part["ended"]) == ("fresh", 300, "passed")
    assert caps_part["last_run"]["started_at"] == NOW.isoformat()
    assert (caps_part["next_run_at"], caps_part["schedule"]) == ("2026-11-20T18:05:00+00:00", "hourly at minute 5")
    assert all(size > 0 for size in answer["disk"].values())


@pytest.mark.parametrize(
    ("later", "stale"),
    [
        (timedelta(hours=1, minutes=55), []),
        (timedelta(hours=1, minutes=56), ["raw.market_caps"]),
        (timedelta(hours=8, minutes=1), ["raw.market_caps", "core.daily_closes"]),
    ],
)
def test_each_table_ages_by_its_own_limit(published: Path, at: FixedClock, later: timedelta, stale: list[str]) -> None:
    at.set(NOW + later)

    tables = part(published, "market_caps", 1 if stale else 0)["tables"]

    assert [each["table"] for each in tables if each["stale"]] == stale


@pytest.mark.slow
def test_where_hosts_share_the_parts_each_part_has_its_own_times(
    published: Path, at: FixedClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(published, tmp_path / "copy", symlinks=True)
    (tmp_path / "copy" / "config.toml").write_text("[exchanges]\n[cross_asset]\n")

    def told() -> list[tuple[str, str]]:
        parts = body(tmp_path / "copy", 1)["parts"]
        return [(each["next_run_at"][11:16], each["schedule"]) for each in parts]

    alone = told()
    monkeypatch.setenv("MARKETFLOWS_PARTS", "cross_asset")
    beside_others = told()

    assert alone[1] == ("18:05", "hourly at minute 5, daily at 01:25 UTC")
    assert beside_others[1] == ("18:20", "hourly at minute 20, daily at 01:25 UTC")
    assert (alone[0], alone[2]) == (beside_others[0], beside_others[2])


@pytest.mark.slow
def test_own_files_with_a_row_a_day_are_fresh_for_two(tmp_path: Path, at: FixedClock) -> None:
    """They were stale for all but two hours of the day."""
    midnight = NOW.replace(hour=0)
    frames = {
        "raw.market_caps": caps(*(("mycoin", midnight - n * DAY, 1e9) for n in range(5))),
        "core.daily_closes": frame("core.daily_closes", {"coin_id": "mycoin", "ts": midnight, "observed_at": midnight}),
        "meta.market_cap_provider": frame("meta.market_cap_provider", {"provider": "folder"}),
    }
    config = 'provider = "folder"\n[providers.folder]\npath = "."\n'
    publish_tables(tmp_path, "market_caps", frames, config=config, now=NOW)

    assert part(tmp_path, "market_caps", 0)["state"] == "fresh"
    at.set(midnight + 2 * DAY)
    assert part(tmp_path, "market_caps", 0)["state"] == "fresh"
    at.set(midnight + 2 * DAY + timedelta(seconds=1))
    assert part(tmp_path, "market_caps", 1)["state"] == "stale"


def test_what_is_stale_is_said_on_standard_output_too(published: Path, at: FixedClock) -> None:
    at.set(NOW + 3 * HOUR)

    result = invoke(published)

    assert result.exit_code == 1
    assert "(STALE: older than it should be)" in result.stdout
    assert "market caps  stale" in result.stdout
    assert "Stale in market caps: raw.market_caps." in result.stdout


def test_a_part_that_is_not_in_the_settings_is_never_stale(published: Path, at: FixedClock) -> None:
    assert part(published, "exchanges", 0) == {"part": "exchanges", "name": "exchanges", "state": "not configured"}


@pytest.mark.parametrize("name", ["exchanges", "cross_asset"])
def test_a_part_of_the_settings_that_was_never_published_is_an_error(
    published: Path, tmp_path: Path, at: FixedClock, name: str
) -> None:
    shutil.copytree(published, tmp_path / "copy", symlinks=True)
    (tmp_path / "copy" / "config.toml").write_text(f"[{name}]\n")

    found = part(tmp_path / "copy", name, 1)

    assert (found["state"], found["as_of"], found["ended"]) == ("never published", None, "never run")


def test_before_the_first_run_there_is_an_answer_too(tmp_path: Path, at: FixedClock) -> None:
    (tmp_path / "config.toml").write_text("")

    assert part(tmp_path, "market_caps", 1)["state"] == "never published"
    result = invoke(tmp_path)

    assert result.exit_code == 1
    assert "market caps  never published" in result.stdout
    assert "0 of 10,000 spent" in result.stdout
    assert "published file not there, private file not there" in result.stdout


def test_only_the_warnings_of_the_last_run_are_told(published: Path, at: FixedClock) -> None:
    found = part(published, "market_caps", 0)

    assert found["n_warnings"] == 1
    assert found["warnings"] == [{"check_name": "a_jump", "table_name": "raw.coins", "evidence": "2 rows: coin_id x"}]
    assert "Warnings in market caps: a_jump of raw.coins." in invoke(published).stdout


def test_credits_are_those_of_the_month_and_last_at_the_pace_of_a_day(published: Path, at: FixedClock) -> None:
    found = body(published, 0)["credits"]

    assert (found["spent"], found["left"], found["spent_in_24_hours"]) == (1000, 9000, 300)
    assert (found["days_left"], found["lasts_the_month"]) == (30, True)
    assert found["reset_at"] == "2026-12-01T00:00:00+00:00"
    assert "9,000 left: 30.0 days at 300 a day, enough for the rest of the month." in " ".join(
        invoke(published).stdout.split()
    )


def test_credits_that_end_before_the_month_are_unmissable(published: Path, tmp_path: Path, at: FixedClock) -> None:
    shutil.copytree(published, tmp_path / "copy", symlinks=True)
    (tmp_path / "copy" / "config.toml").write_text("[providers.coingecko]\nmonthly_credits = 4000\n")

    # 3,000 left at 300 a day last ten days, and the month has eleven
    found = body(tmp_path / "copy", 0)["credits"]

    assert (found["days_left"], found["lasts_the_month"]) == (10, False)
    assert "NOT enough for the rest of the month" in " ".join(invoke(tmp_path / "copy").stdout.split())


def test_of_own_files_no_credits_are_told(published: Path, tmp_path: Path, at: FixedClock) -> None:
    shutil.copytree(published, tmp_path / "copy", symlinks=True)
    (tmp_path / "copy" / "config.toml").write_text('provider = "folder"\n[providers.folder]\npath = "."\n')

    assert body(tmp_path / "copy", 0)["credits"] is None
    assert "Credits" not in invoke(tmp_path / "copy").stdout


@pytest.mark.slow
def test_a_run_is_active_only_while_it_holds_the_lock(tmp_path: Path, at: FixedClock) -> None:
    publish(tmp_path)
    lock = tmp_path / ".marketflows" / "warehouse.lock"
    lock.write_text('{"pid": 7, "command": "killed", "started_at": "2026-11-20T17:00:00+00:00"}')
    assert body(tmp_path, 0)["run_is_active"] is False

    with RunLock(lock, FixedClock(NOW)).acquire(command="marketflows --tutorial"):
        answer = body(tmp_path, 0)
        assert answer["run_is_active"] is True
        assert answer["active_run"]["started_at"] == NOW.isoformat()
        assert "A run is active (pid" in invoke(tmp_path).stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("findings", "held_since", "ended"),
    [
        ([finding("a_wall", is_blocking=True, run_id="run-2")], None, "blocked by a_wall"),
        ([], None, "not passed: it failed, or was stopped"),
        ([], NOW, "running"),
        ([], NOW + HOUR, "not passed: it failed, or was stopped"),
    ],
)
def test_how_the_last_run_ended(
    tmp_path: Path,
    at: FixedClock,
    findings: list[dict[str, Any]],
    held_since: datetime | None,
    ended: str,
) -> None:
    of_exchanges = [each | {"part": "exchanges"} for each in findings]
    unfinished = {"part": "exchanges", "run_id": "run-2", "started_at": NOW, "passed_at": None}
    publish(tmp_path, "[exchanges]\n", check_results=of_exchanges, part_runs=[unfinished])
    lock = RunLock(tmp_path / ".marketflows" / "warehouse.lock", FixedClock(held_since or NOW))

    if held_since is None:
        assert part(tmp_path, "exchanges", 1)["ended"] == ended
        return
    with lock.acquire(command="marketflows"):
        assert part(tmp_path, "exchanges", 1)["ended"] == ended


def test_the_tutorial_never_ages_and_spends_nothing(
    published: Path, at: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.set(NOW + 400 * DAY)
    monkeypatch.chdir(published)

    result = CliRunner().invoke(marketflows, ["--tutorial", "status", "--format", "json"])

    answer = json.loads(result.stdout)
    assert answer["synthetic"] is True
    assert answer["credits"] is None
    assert (answer["parts"][0]["state"], answer["parts"][0]["next_run_at"]) == ("fresh", None)


@pytest.mark.slow
@pytest.mark.parametrize("output_format", ["table", "json"])
def test_hostile_words_of_a_received_file_reach_no_terminal(tmp_path: Path, at: FixedClock, output_format: str) -> None:
    rows = [finding(f"check {name}", evidence=name, table_name=name) for name in STORED]
    publish(tmp_path, check_results=rows)
    lock = tmp_path / ".marketflows" / "warehouse.lock"

    with RunLock(lock, FixedClock(NOW)).acquire(command="".join(STORED)):
        result = invoke(tmp_path, "--format", output_format)

    assert result.exit_code == 0, repr(result.exception)
    assert dangerous(result.stdout + result.stderr) == set()


@pytest.mark.slow
def test_a_file_of_an_earlier_version_has_an_answer(tmp_path: Path, at: FixedClock) -> None:
    link = publish(tmp_path)

    with duckdb.connect(link.resolve()) as connection:
        connection.execute("drop table meta.check_results")
        connection.execute("delete from meta.publish where table_name = 'meta.check_results'")

    assert part(tmp_path, "market_caps", 0)["warnings"] == []


@pytest.mark.slow
def test_the_command_is_quick_and_ends_with_1_in_a_process_of_its_own(published: Path) -> None:
    done = program(published, "status")

    assert done.returncode == 1, done.stderr
    assert "market caps  stale" in done.stdout
    assert set(done.stderr.split()) <= set()


@pytest.mark.slow
def test_faulty_settings_are_the_users_fault(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[providers.coingecko]\ndays = true\n")

    done = program(tmp_path, "status")

    assert (done.returncode, done.stdout) == (2, "")
    assert "config.toml: providers.coingecko.days" in done.stderr
