"""A published file may be of an earlier version, or somebody else's: no command acts on its hostile names.

The names that services send are cleaned before they are stored (pipeline/test_hostile_names.py).
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline.warehouse.user_query import write_result
from marketflows_pipeline_tests.cli.asking import ANSWERED, ROOT, fault, invoke
from marketflows_pipeline_tests.cli.reports.exchanges.published_rows import TABLES_OF_DATA, publish_exchanges
from marketflows_pipeline_tests.examples import one_quick
from marketflows_pipeline_tests.hostile_names import HOSTILE_NAMES, dangerous

# DuckDB holds no half of a character.
STORED = [name for attack, name in HOSTILE_NAMES.items() if attack != "half a character"]
NAMED = ("name", "symbol", "coin", "category")
PROGRAM = [sys.executable, "-c", "from marketflows_pipeline.cli import main; main()"]


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose published file calls everything by a hostile name, each name at least once."""
    names = cycle(STORED)
    data = {
        table: [row | {key: next(names) for key in NAMED if isinstance(row.get(key), str)} for row in rows]
        for table, rows in TABLES_OF_DATA.items()
    }
    template = data["mart.exchange_flows"][0]
    data["mart.exchange_flows"] += [
        template | {"exchange_id": f"more-{at}", "name": name, "rank": 100 + at} for at, name in enumerate(STORED)
    ]
    folder = tmp_path_factory.mktemp("received")
    publish_exchanges(folder, data)
    return folder


@pytest.mark.parametrize("output_format", one_quick(["table", "json", "csv"]))
@pytest.mark.parametrize("line", [*ANSWERED, "exchange-flows 100"])
def test_an_answer_says_nothing_to_a_terminal(received: Path, clock: FixedClock, line: str, output_format: str) -> None:
    """An exchange called by an escape sequence cleared the screen of whoever asked for its volume."""
    result = invoke(received, f"{line} --format {output_format}")

    assert result.exit_code == 0, repr(result.exception)
    assert dangerous(result.stdout + result.stderr) == set()
    assert "A" * 101 not in result.stdout


def test_a_cell_of_csv_is_text_where_it_would_be_a_formula(received: Path, clock: FixedClock) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke(received, "exchange-flows 100 --format csv").stdout)))
    names = {row["exchange"] for row in rows}

    assert {"'+1+cmd|'/C calc'!A0", "'-2+3+cmd|'/C calc'!A0", "'=1+1", "'\uff1d1+1"} <= names


def test_a_number_below_zero_stays_a_number(received: Path, clock: FixedClock) -> None:
    rows = csv.DictReader(io.StringIO(invoke(received, "exchange-netflow binance --format csv").stdout))

    assert "-30000000.0" in {row["netflow_mid_usd"] for row in rows}


def test_json_has_the_names_without_what_cannot_be_shown(received: Path, clock: FixedClock) -> None:
    names = {each["exchange"] for each in json.loads(invoke(received, "exchange-flows 100").stdout)["exchanges"]}

    assert {"<script>alert(document.domain)</script>", "Bitcoin", "=1+1", "[2J[31mcleared[0m"} <= names


def test_near_matches_are_one_harmless_line(received: Path, clock: FixedClock) -> None:
    said = str(fault(received, "exchange-netflow binanc"))

    assert "did you mean binance (" in said
    assert dangerous(said, allowed="") == set()


def names_in(answer: bytes, output_format: str) -> list[str]:
    match output_format:
        case "json":
            return [row["name"] for row in json.loads(answer)]
        case "csv":
            return [row[0] for row in csv.reader(io.StringIO(answer.decode(), newline=""))][1:]
        case _:
            return pl.read_parquet(io.BytesIO(answer))["name"].to_list()


@pytest.mark.parametrize("output_format", ["json", "csv", "parquet"])
def test_sql_is_exact_where_programs_read_it(received: Path, output_format: Any) -> None:
    out = io.BytesIO()
    link = received / "warehouse" / "marketflows.duckdb"
    write_result("select name from mart.exchange_flows where rank >= 100 order by rank", link, output_format, out)

    assert names_in(out.getvalue(), output_format) == STORED
    assert output_format != "json" or dangerous(out.getvalue().decode()) == set()


def test_a_table_of_sql_spells_out_what_cannot_be_shown(received: Path) -> None:
    """Names of columns may be data too, as those of a pivot are."""
    out = io.BytesIO()
    link = received / "warehouse" / "marketflows.duckdb"
    write_result('select name, 1 as "a\x1b[2J" from mart.exchange_flows', link, "table", out)
    shown = out.getvalue().decode()

    assert dangerous(shown) == set()
    assert r"\x1b[2J\x1b[31mcleared\x1b[0m" in shown
    assert r"a\x1b[2J" in shown.splitlines()[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["exchange-netflow", "\x1b]8;;https://evil.example\x07x\u202e"],
        ["sql", "select * from \x1b[31mnothing"],
        ["exchange-tvl", "--\x1b[2J"],
        ["exchange-tvl", "--format", "\x1b[2J"],
        ["\x1b[2J\u202e"],
        ["--config", "\x1b[2J.toml", "exchange-tvl"],
    ],
)
def test_a_fault_quotes_what_was_typed_without_acting_on_it(received: Path, arguments: list[str]) -> None:
    """A command pasted from a web page may hold an escape sequence."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=received,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2, done.stderr
    assert dangerous(done.stdout + done.stderr) == set()
    assert r"\x1b" in done.stderr
