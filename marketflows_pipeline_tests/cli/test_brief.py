"""`marketflows brief` as users meet it: forms, moments, what it remembers, faults in one line."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.cli.brief import LastBrief, recalled, remembered, start_of
from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.report.brief import choosing
from marketflows_pipeline.report.brief.telling import STATEMENTS
from marketflows_pipeline.schema import TABLES
from marketflows_pipeline_tests.cli.asking import program
from marketflows_pipeline_tests.examples import one_quick
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES, dangerous
from marketflows_pipeline_tests.report.brief.events import DAY, DISCRETE, NOW, UNITS, event, events
from marketflows_pipeline_tests.report.brief.published_events import corrected_statements, published
from marketflows_pipeline_tests.warehouse.frames import frame

# The package calls the command by the same name.
MODULE = sys.modules["marketflows_pipeline.cli.brief"]
ID = "dominance_change:bitcoin:2026-11-20"
FORMS = ("text", "json", "markdown")
QUIET = {"mart.events": TABLES["mart.events"].empty()}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FixedClock:
    """The hour at which the brief is asked for, and a state folder of the test's own."""
    fixed = FixedClock(NOW)
    monkeypatch.setattr(MODULE, "SystemClock", lambda: fixed)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return fixed


def invoke(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(marketflows, ["--config", str(folder / "config.toml"), "brief", *arguments])


def answer(folder: Path, *arguments: str) -> str:
    result = invoke(folder, *arguments)
    assert result.exit_code == 0, result.output + repr(result.exception)
    return result.stdout


def ask(folder: Path, *arguments: str) -> Any:
    return json.loads(answer(folder, *arguments, "--format", "json"), parse_constant=pytest.fail)


def ids(folder: Path, *arguments: str) -> list[str]:
    return [each["statement_id"] for each in ask(folder, *arguments)["statements"]]


def memory(folder: Path) -> Path:
    (path,) = (folder / "state" / "marketflows" / "briefs").iterdir()
    return path


@pytest.mark.slow
def test_the_text_says_what_how_unusual_what_not_and_as_of_when(tmp_path: Path) -> None:
    published(tmp_path, {})

    lines = answer(tmp_path).splitlines()
    assert lines[:2] == [
        "1 unusual change since 19 Nov 2026 18:00 UTC.",
        "As of: market caps 20 Nov 2026 00:00 UTC, exchanges 20 Nov 2026 17:30 UTC, cross-asset 19 Nov 2026 00:00 UTC",
    ]
    assert " ".join(" ".join(lines[3:7]).split()) == (
        "1. Bitcoin: share of all market cap followed here +48.2 pp in the day to 20 Nov 2026, against a mean of "
        "+40.5 pp before. Strong: z +3.2 against the 60 values before; above 98.5% of them; its kind is as unusual on "
        "1.2% of days. Market cap, mostly price: not inflow. As of 20 Nov 2026 00:00 UTC."
    )
    assert lines[-1] == "* Not covered: whatever has less than 20 days of its own past."


def test_json_has_all_of_it_and_the_query(tmp_path: Path) -> None:
    link = published(tmp_path, {})
    body = ask(tmp_path)

    (statement,) = body["statements"]
    assert statement["figures"]["value"] == 48.25
    assert (body["stale"], body["synthetic"], body["since"]) == (False, False, (NOW - DAY).isoformat())
    with duckdb.connect(link, read_only=True) as connection:
        found = connection.execute(statement["evidence"])
        names = [column[0] for column in found.description or []]
        assert dict(zip(names, found.fetchone() or (), strict=True)) == pytest.approx(statement["figures"])


def test_markdown_is_for_pasting(tmp_path: Path) -> None:
    published(tmp_path, {})
    lines = answer(tmp_path, "--format", "markdown").splitlines()

    assert lines[0] == "**1 unusual change since 19 Nov 2026 18:00 UTC.**"
    assert lines[4].startswith("1. Bitcoin: share of all market cap followed here +48.2 pp in the day")
    assert lines[5].startswith("   *Strong: z +3.2 against")


@pytest.mark.parametrize("form", one_quick(FORMS))
def test_nothing_unusual_is_said(tmp_path: Path, form: str) -> None:
    published(tmp_path, QUIET)

    assert "Nothing unusual since 19 Nov 2026 18:00 UTC." in answer(tmp_path, "--format", form)


@pytest.mark.parametrize("form", one_quick(FORMS))
def test_corrections_and_stale_parts_are_said(tmp_path: Path, clock: FixedClock, form: str) -> None:
    private = tmp_path / "private"
    private.mkdir()
    published(tmp_path, QUIET | {"meta.brief_statements": corrected_statements(private)})
    clock.set(NOW + timedelta(hours=3))
    said = " ".join(answer(tmp_path, "--format", form).split())

    assert "+47.5 instead of +48.2" in said
    assert form == "json" or "Corrections of earlier sentences" in said
    assert '"is_stale": true' in said if form == "json" else "STALE: figures of a part are older" in said


def test_the_tutorial_is_unmissable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(tmp_path, {})
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(marketflows, ["--tutorial", "brief", "--format", "markdown"]).stdout

    assert "**TUTORIAL: made-up figures, about no real coin, exchange or asset.**" in said


@pytest.mark.parametrize(
    ("since", "start"),
    [
        ("24h", timedelta(hours=24)),
        ("7d", timedelta(days=7)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T12:30", datetime(2026, 11, 20, 12, 30, tzinfo=UTC)),
        ("2026-11-20T12:30+09:00", datetime(2026, 11, 20, 3, 30, tzinfo=UTC)),
    ],
)
def test_a_start_is_a_time_back_or_a_moment(since: str, start: object) -> None:
    assert start_of(since, NOW) == start


@pytest.mark.parametrize(
    "since",
    [
        "0h",
        "-1d",
        "24",
        "0001-01-01",
        "yesterday",
        "2026-13-01",
        "2026-11-21",
        "100000h",
        "0001-01-01T00:00+14:00",
        "\u0663h",
        "LAST",
    ],
)
def test_another_start_is_one_line_and_exit_code_2(tmp_path: Path, since: str) -> None:
    published(tmp_path, {})
    result = invoke(tmp_path, "--since", since)

    assert isinstance(result.exception, UserInputError)
    assert "expected hours such as 24h" in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""
    assert not (tmp_path / "state").exists()


@pytest.mark.slow
@given(st.text(max_size=30))
def test_any_text_is_a_start_or_a_fault_of_the_user(since: str) -> None:
    try:
        start = start_of(since, NOW)
    except UserInputError:
        return
    assert isinstance(start, timedelta) or start <= NOW


@pytest.mark.slow
def test_last_begins_where_the_brief_before_ended(tmp_path: Path) -> None:
    published(tmp_path, {})
    first = invoke(tmp_path, "--since", "last", "--format", "json")

    assert first.stderr.count("\n") == 1
    assert "no earlier brief of" in first.stderr
    assert "goes back 24 hours" in json.loads(first.stdout)["notes"][0]
    assert [each["statement_id"] for each in json.loads(first.stdout)["statements"]] == [ID]
    again = invoke(tmp_path, "--since", "last")
    assert again.stdout.startswith("Nothing unusual since 20 Nov 2026 18:00 UTC.")
    assert again.stderr == ""
    assert ids(tmp_path, "--since", "24h") == [ID]


@pytest.mark.slow
def test_what_a_later_publish_finds_is_new_to_last(tmp_path: Path) -> None:
    """A part that is published later is of a run that began before."""
    link = published(tmp_path, {})
    answer(tmp_path, "--since", "last")
    with duckdb.connect(link.resolve()) as connection:
        connection.execute(
            "insert into mart.events select * replace ('new' as event_id, 'okx' as subject, 'netflow_outlier' as kind) "
            "from mart.events"
        )

    assert ids(tmp_path, "--since", "last") == ["new"]


def test_each_published_file_has_a_memory_of_its_own(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        published(folder, {})
    answer(one, "--since", "last")

    assert ids(other, "--since", "last") == [ID]
    assert ids(one, "--since", "last") == []


def test_what_is_remembered_is_the_users_alone(tmp_path: Path) -> None:
    published(tmp_path, {})
    answer(tmp_path)

    path = memory(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_brief_that_could_not_be_made_or_printed_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = published(tmp_path, {})
    with Path("/dev/full").open("wb", buffering=0) as full, monkeypatch.context() as patch:
        patch.setattr(MODULE, "standard_output", lambda: full)
        unprinted = invoke(tmp_path)
    with duckdb.connect(link.resolve()) as connection:
        connection.execute("drop table mart.events")
    unmade = invoke(tmp_path)

    assert isinstance(unprinted.exception, OSError)
    assert isinstance(unmade.exception, MarketflowsError)
    assert unprinted.stdout + unmade.stdout == ""
    assert not (tmp_path / "state").exists()


def a_link(path: Path) -> None:
    elsewhere = path.parents[3] / "victim"
    elsewhere.write_text("precious")
    path.unlink()
    path.symlink_to(elsewhere)


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def written(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


GARBAGE = (
    b"",
    b"\xff\x00",
    b"[]",
    b"{}",
    b"[" * 100_000,
    b'{"told_up_to": "2026-11-20", "event_ids": []}',
    b'{"told_up_to": "2026-11-20T00:00:00+00:00", "event_ids": "abc"}',
    b'{"told_up_to": "2026-11-20T00:00:00+00:00", "event_ids": [1]}',
    b'{"told_up_to": 5, "event_ids": []}',
    b'{"told_up_to": "0001-01-01T00:00:00+14:00", "event_ids": []}',
)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [a_link, a_directory, a_fifo, *one_quick(map(written, GARBAGE))])
def test_a_memory_that_is_spoilt_is_one_clear_warning(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    published(tmp_path, {})
    answer(tmp_path)
    spoil(memory(tmp_path))
    result = invoke(tmp_path, "--since", "last", "--format", "json")

    assert result.exit_code == 0
    assert result.stderr.splitlines()[0].startswith("warning: what the last brief told cannot be read (")
    assert len(result.stderr.splitlines()) == (2 if spoil is a_directory else 1)
    assert [each["statement_id"] for each in json.loads(result.stdout)["statements"]] == [ID]
    if spoil is a_link:
        assert (tmp_path / "victim").read_text() == "precious"
    if spoil is not a_directory:
        assert memory(tmp_path).is_file()
        assert not memory(tmp_path).is_symlink()
        assert ids(tmp_path, "--since", "last") == []


def test_a_state_folder_that_cannot_be_is_a_warning(tmp_path: Path) -> None:
    published(tmp_path, {})
    (tmp_path / "state").write_text("a file")
    result = invoke(tmp_path, "--since", "last")

    assert result.exit_code == 0
    assert [line.partition(" (")[0].partition(":")[0] for line in result.stderr.splitlines()] == ["warning"] * 2
    assert "1 unusual change" in result.stdout


@given(st.datetimes(timezones=st.just(UTC)), st.frozensets(st.text(), max_size=5))
def test_what_is_remembered_is_recalled(moment: datetime, event_ids: frozenset[str]) -> None:
    last = LastBrief(moment, frozenset(each for each in event_ids if each.isprintable()))

    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.setenv("XDG_STATE_HOME", folder)
        assert remembered(Path("a.duckdb"), last) is None
        assert recalled(Path("a.duckdb")) == (last, ())


N_HOSTILE = 3 * len(HOSTILE_NAMES)


def hostile_folder(folder: Path) -> Path:
    """A folder whose published file has hostile names, states and texts, each at least once."""
    names = cycle(name for attack, name in HOSTILE_NAMES.items() if attack != "half a character")
    rows = []
    for place in range(N_HOSTILE):
        kind = list(UNITS)[place % len(UNITS)]
        states = {"was": next(names), "became": next(names)} if kind in DISCRETE else {}
        rows.append(event(kind, f"{next(names)}{place}", label=next(names), severity=next(names), **states))
    private = folder / "private"
    private.mkdir()
    template = corrected_statements(private).row(0, named=True)
    told = [template | {"text": next(names), "statement_id": str(place)} for place in range(len(HOSTILE_NAMES))]
    published(folder, {"mart.events": events(*rows), STATEMENTS: frame(STATEMENTS, *told)})
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_hostile_names_stay_text_in_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    monkeypatch.setattr(choosing, "MOST_STATEMENTS", 1_000)
    said = answer(hostile_folder(tmp_path), "--format", form)

    assert dangerous(said) == set()
    assert form == "json" or "A" * 1001 not in said
    if form == "json":
        assert len(json.loads(said)["statements"]) == N_HOSTILE
    if form == "markdown":
        assert re.findall(r"(?<!\\)(?:<|\]|!\[|`|\|)", said) == []


def test_nothing_published_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("")
    result = invoke(tmp_path)

    assert isinstance(result.exception, MarketflowsError)
    assert "run `marketflows --config" in str(result.exception)
    assert result.stdout == ""


def test_a_file_without_events_is_an_error(tmp_path: Path) -> None:
    link = published(tmp_path, {})
    with duckdb.connect(link.resolve()) as connection:
        connection.execute("delete from meta.publish where table_name = 'mart.events'")
    result = invoke(tmp_path)

    assert isinstance(result.exception, MarketflowsError)
    assert "holds no events, which the next run computes" in str(result.exception)
    assert result.stdout == ""


@pytest.mark.slow
def test_the_program_answers_without_heavy_libraries(tmp_path: Path) -> None:
    published(tmp_path, {})
    done = program(tmp_path, "brief", "--since", "2026-11-19")

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 unusual change since 19 Nov 2026 00:00 UTC.")
    assert done.stderr.strip() == ""
