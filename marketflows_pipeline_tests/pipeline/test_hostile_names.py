"""Every service calls everything by a hostile name: one whole run, then every exit that text leaves by.

A new exit is a line in EXITS: what it is called, and how its text is had from an environment that ran.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from marketflows_pipeline.assets.tables import as_markdown
from marketflows_pipeline.charts.rendering.manifest import MANIFEST_NAME
from marketflows_pipeline.cli import marketflows
from marketflows_pipeline.cli.logs import configure_logging
from marketflows_pipeline.jobs import full_refresh
from marketflows_pipeline.system.printable import EXCERPT_LENGTH, NAME_LENGTH, presentable_name
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.fakes.server import FakeServer
from marketflows_pipeline_tests.hostile_names import FORGED, HARMLESS_NAMES, HOSTILE_NAMES, dangerous
from marketflows_pipeline_tests.logger_state import restored_logger
from marketflows_pipeline_tests.pipeline.environment import Environment, open_environment_with_exchanges

pytestmark = pytest.mark.slow

ENDPOINTS = {
    "coins": ("/coins/markets", "/coins/list", "/coins/categories", "/coins/categories/list", "/search/trending"),
    "exchanges": ("/exchanges",),
    "reserves": ("/cexs", "/protocols"),
}
# More than a run asks of any of them.
ANSWERS = 60
# A service that sends halves of characters loses the row, and more than a few lost rows are no answer.
SERVED = [*(name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"), *HARMLESS_NAMES]
NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
ANSWERED = (
    "breadth",
    "exchange-flows 100",
    "exchange-netflow kraken",
    "exchange-netflow --all",
    "narratives --limit 1000",
    "whale-movements 1",
    "exchange-tvl",
    "exchange-dominance",
)
NAMED_TABLES = (
    "raw.coins",
    "raw.exchanges",
    "raw.cex_snapshots",
    "raw.protocols",
    "raw.category_snapshots",
    "raw.category_names",
)
RECORDS = "records.txt"
LOG_LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR) .+")


def renamed(body: Any, names: Iterator[str]) -> Any:
    """A body in which every name and symbol is hostile, those of own tokens too; ids stay."""
    if isinstance(body, list):
        return [renamed(each, names) for each in body]
    if not isinstance(body, dict):
        return body
    called = {key: next(names) for key in ("name", "symbol", "coinSymbol", "country", "url") if key in body}
    return {key: renamed(value, names) for key, value in body.items()} | called


def make_hostile(service: FakeServer, *endpoints: str) -> None:
    names = cycle(SERVED)
    for endpoint in endpoints:
        service.script(endpoint, *[faults.in_json(lambda body: renamed(body, names))] * ANSWERS)


def with_hostile_tokens(reserves: FakeServer) -> None:
    """Wallets hold tokens that anybody may send to them."""

    def change(body: Any) -> Any:
        held = [record["tokens"] | dict.fromkeys(SERVED, 1.0) for record in body["tokens"]]
        return body | {
            "tokens": [record | {"tokens": tokens} for record, tokens in zip(body["tokens"], held, strict=True)]
        }

    reserves.script("/protocol/{slug}", *[faults.in_json(change)] * ANSWERS)


def answer(env: Environment, line: str) -> str:
    result = CliRunner().invoke(marketflows, ["--config", str(env.folder / "config.toml"), *line.split()])
    assert result.exit_code == 0, f"{line}: {result.output}{result.exception!r}"
    return result.stdout + result.stderr


def fault(env: Environment, *arguments: str) -> str:
    result = CliRunner().invoke(marketflows, ["--config", str(env.folder / "config.toml"), *arguments])
    assert result.exit_code, arguments
    return str(result.exception)


def log_file(env: Environment) -> str:
    (path,) = (env.folder / "state").rglob("marketflows.log")
    return path.read_bytes().decode()


def records(env: Environment) -> str:
    """What the program's loggers hand to Dagster, which formats it by itself."""
    return (env.folder / RECORDS).read_bytes().decode()


def metadata(env: Environment) -> str:
    """What the Dagster UI shows of the run: metadata of tables and checks, and the words of events."""
    assert env.result is not None
    shown: list[str] = []
    for event in env.result.all_events:
        data = event.event_specific_data
        found = dict(getattr(getattr(data, "materialization", None), "metadata", None) or {})
        found |= dict(getattr(data, "metadata", None) or {})
        shown += [event.message or "", *(str(value.value) for value in found.values())]
    return "\n".join(shown)


def own_tables(env: Environment) -> str:
    """Every text that is stored, names of rows left out among them."""
    with Warehouse(env.private, create=False) as warehouse:
        columns = warehouse.query(
            "select schema_name || '.' || table_name as name, column_name from duckdb_columns() "
            "where data_type = 'VARCHAR' and schema_name in ('raw', 'core', 'mart', 'meta')"
        )
        texts = [warehouse.query(f"select distinct {column} from {name}") for name, column in columns.iter_rows()]
    return "\n".join(value for frame in texts for (value,) in frame.iter_rows() if value is not None)


def told_of(env: Environment, line: str) -> str:
    """What a command says whose exit code tells how the data stands, which is of another month than the machine."""
    return CliRunner().invoke(marketflows, ["--config", str(env.folder / "config.toml"), *line.split()]).stdout


def page(env: Environment) -> str:
    """The page, without the scripts that draw its charts."""
    text = (env.folder / "report" / "index.html").read_text(encoding="utf-8")
    return text[: text.rindex("<script>(()=>{")]


EXITS: dict[str, Callable[[Environment], str]] = {
    "page": page,
    "log file": log_file,
    "records for dagster": records,
    "dagster": metadata,
    "tables": own_tables,
    "near matches": lambda env: fault(env, "exchange-netflow", "\x1b[31mkrakn\u202e"),
    "refused sql": lambda env: fault(env, "sql", "select '\x1b[2J' from \x9bnowhere"),
    **{
        f"{line} as {form}": lambda env, line=line, form=form: told_of(env, f"{line} --format {form}")  # type: ignore[misc]
        for line in ("status", "plan")
        for form in ("table", "json")
    },
    "quarantine of nothing": lambda env: fault(env, "quarantine", "add", "raw.coins\x1b", "x", "--reason", "x"),
    **{
        f"{line} as {form}": lambda env, line=line, form=form: answer(env, f"{line} --format {form}")  # type: ignore[misc]
        for line in (*ANSWERED, "quarantine list")
        for form in ("table", "json", "csv")
    },
    **{
        f"brief as {form}": lambda env, form=form: answer(env, f"brief --since 7d --format {form}")  # type: ignore[misc]
        for form in ("text", "json", "markdown")
    },
    **{
        f"sql of {table} as {form}": lambda env, table=table, form=form: (
            CliRunner()  # type: ignore[misc]
            .invoke(
                marketflows,
                [
                    "--config",
                    str(env.folder / "config.toml"),
                    "sql",
                    f"select * from {table}",
                    "--format",
                    form,
                ],
            )
            .stdout
        )
        for table in NAMED_TABLES
        for form in ("table", "json", "csv")
    },
}


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """An environment that has run once, with pictures."""
    folder = tmp_path_factory.mktemp("hostile")
    with (
        restored_logger() as logger,
        pytest.MonkeyPatch.context() as patched,
        open_environment_with_exchanges(folder, ["kraken", "binance"]) as opened,
    ):
        patched.setenv("XDG_STATE_HOME", str(folder / "state"))
        configure_logging("DEBUG", tutorial=False, console=Console(stderr=True, force_terminal=False))
        plain = logging.FileHandler(folder / RECORDS, encoding="utf-8", errors="backslashreplace")
        plain.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
        logger.addHandler(plain)
        make_hostile(opened.service, *ENDPOINTS["coins"], *ENDPOINTS["exchanges"])
        assert opened.reserves is not None
        make_hostile(opened.reserves, *ENDPOINTS["reserves"])
        with_hostile_tokens(opened.reserves)
        opened.computes = "measures"
        assert opened.run(job_name=full_refresh.name, with_pictures=True), opened.failure.lines
        yield opened


@pytest.mark.parametrize("exit_name", EXITS)
def test_nothing_that_a_terminal_or_a_reader_is_led_astray_by_comes_out(env: Environment, exit_name: str) -> None:
    """One control character in a coin's name once cost every picture of the hour."""
    text = EXITS[exit_name](env)

    assert text.strip()
    assert dangerous(text) == set()
    assert "A" * (EXCERPT_LENGTH + 1) not in text
    text.encode()


def test_each_line_of_the_log_is_one_that_this_program_wrote(env: Environment) -> None:
    lines = log_file(env).splitlines()

    assert [line for line in lines if not LOG_LINE.fullmatch(line)] == []
    assert [line for line in lines if line.startswith(FORGED[:20])] == []
    assert [line for line in records(env).splitlines() if not line.startswith(("DEBUG ", "INFO ", "WARNING "))] == []


def test_every_picture_is_drawn_and_none_elsewhere(env: Environment) -> None:
    """Where a name makes a file's name, no path comes of it."""
    drawn = list((env.folder / "pictures").iterdir())
    pictures = [path for path in drawn if path.suffix == ".png"]

    assert len(pictures) > 20
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert [path.name for path in drawn if path not in pictures] == [MANIFEST_NAME]


@pytest.mark.parametrize("line", ANSWERED)
def test_no_spreadsheet_computes_a_cell_of_an_answer(env: Environment, line: str) -> None:
    cells = [cell for row in csv.reader(io.StringIO(answer(env, f"{line} --format csv"))) for cell in row]

    assert [cell for cell in cells if cell.lstrip()[:1] in tuple("=+-@\uff1d") and not NUMBER.fullmatch(cell)] == []


def test_the_hostile_names_did_come_and_the_unusual_ones_came_through(env: Environment) -> None:
    """The tests above mean nothing where no name was served."""
    names = {name for table in NAMED_TABLES for (name,) in env.stored(f"select name from {table}").iter_rows()}

    assert {presentable_name(name) for name in SERVED} <= names
    assert set(HARMLESS_NAMES) <= names
    assert all(0 < len(name) <= NAME_LENGTH for name in names)
    listed = json.loads(answer(env, "exchange-flows 100"))["exchanges"]
    assert {each["exchange"] for each in listed} <= names


def test_markup_in_a_name_is_text_in_the_pages_of_dagster(env: Environment) -> None:
    offenders = env.stored("select name from raw.exchanges order by name")
    page = as_markdown(offenders)

    assert not re.search(r"(?<!\\)(<|!\[|\]\(|`)", page)
    assert len(page.splitlines()) == offenders.height + 2
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 2 for line in page.splitlines())
