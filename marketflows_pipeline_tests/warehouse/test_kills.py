"""A run that is killed at any point leaves files that open, and the next run heals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from marketflows_pipeline.schema import tables_of
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.published_answers import query_rows
from marketflows_pipeline_tests.warehouse.engines import engine_environment
from marketflows_pipeline_tests.warehouse.frames import NOW, fill

pytestmark = pytest.mark.slow

POINTS = 6

# Counts the calls that the warehouse makes (each statement, each step on files) and dies before the one asked for.
RUN_AND_DIE = """
import json, os, sys
from pathlib import Path
from marketflows_pipeline.warehouse.publish import begin_part, publish
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import NOW, fill

calls, steps, last = 0, {}, json.loads(sys.argv[2])

def count(frame, event, argument):
    global calls
    caller = frame.f_back if event == "call" else frame if event == "c_call" else None
    if caller is not None and "marketflows_pipeline/warehouse" in caller.f_code.co_filename:
        calls += 1
        name = frame.f_code.co_name if event == "call" else argument.__name__
        step = f"{Path(caller.f_code.co_filename).stem}.{caller.f_code.co_name}.{name}"
        steps[step] = steps.get(step, 0) + 1
        if last in (calls, [step, steps[step]]):
            os.kill(os.getpid(), 9)

home = Path(sys.argv[1])
print("go", flush=True)
sys.setprofile(count)
with Warehouse(home / "private.duckdb") as warehouse:
    begin_part(warehouse, "market_caps", "run-2", NOW)
    fill(warehouse, "market_caps", 2.0)
    publish(warehouse, part="market_caps", run_id="run-2", now=NOW, published_path=home / "published" / "m.duckdb")
sys.setprofile(None)
print(json.dumps({**steps, "all": calls}))
"""


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run with the value 1 was published."""
    home = tmp_path_factory.mktemp("first")
    with Warehouse(home / "private.duckdb") as warehouse:
        begin_part(warehouse, "market_caps", "run-1", NOW)
        fill(warehouse, "market_caps", 1.0)
        publish(warehouse, part="market_caps", run_id="run-1", now=NOW, published_path=home / "published" / "m.duckdb")
    return home


@pytest.fixture
def home(first_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_run, tmp_path / "home", symlinks=True))


@pytest.fixture(scope="module")
def steps(first_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """The calls of a whole run: how often each step, as `module.function.called`, and `all` together."""
    home = Path(shutil.copytree(first_run, tmp_path_factory.mktemp("whole") / "home", symlinks=True))
    with second_run(home, 0) as run:
        said, _ = run.communicate()
    assert run.returncode == 0
    counted: dict[str, int] = json.loads(said)
    return counted


def second_run(home: Path, last_call: int | tuple[str, int]) -> subprocess.Popen[str]:
    """A run with the value 2, in a process that dies before a call: the n-th, or the n-th of a step; 0 lets it live."""
    command = [sys.executable, "-c", RUN_AND_DIE, str(home), json.dumps(last_call)]
    run = subprocess.Popen(command, env=engine_environment(), stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    assert run.stdout.readline() == "go\n"
    return run


def check_published(home: Path) -> float:
    """Every published table holds the rows of one run; which."""
    link = home / "published" / "m.duckdb"
    sql = (
        "select value from mart.metrics union select market_cap_usd from raw.market_caps union "
        "select market_cap_usd from core.market_cap_grid"
    )
    ((value,),) = query_rows(link, sql).rows
    assert query_rows(link, "select count(*) from mart.metrics").rows == [(4,)]
    return float(value)


def check_heals(home: Path) -> None:
    """The private file opens with each table whole, and the next run publishes and tidies up."""
    with Warehouse(home / "private.duckdb", create=False) as warehouse:
        for entry in tables_of("market_caps"):
            if entry.view_sql is None:
                assert warehouse.read(entry.name).height == 1
        begin_part(warehouse, "market_caps", "run-3", NOW)
        fill(warehouse, "market_caps", 3.0)
        publish(warehouse, part="market_caps", run_id="run-3", now=NOW, published_path=home / "published" / "m.duckdb")
    assert check_published(home) == 3.0
    files = sorted(path.name for path in (home / "published").iterdir())
    assert len(files) == 3
    assert all(name == "m.duckdb" or name.startswith("m.00000") for name in files)
    assert sorted(path.name for path in home.iterdir()) == ["private.duckdb", "published"]


@pytest.mark.parametrize("point", range(1, POINTS + 1))
def test_killed_between_two_steps(home: Path, steps: dict[str, int], point: int) -> None:
    with second_run(home, steps["all"] * point // (POINTS + 1)) as run:
        run.communicate()
    assert run.returncode == -9

    assert check_published(home) in {1.0, 2.0}
    check_heals(home)


@pytest.mark.parametrize(
    ("step", "published"),
    [
        ("publish._build.copy_in_subprocess", 1.0),
        ("publish._build.check", 1.0),
        ("versions.adopt.rename", 1.0),
        ("versions.adopt.symlink_to", 1.0),
        ("versions.adopt.replace", 1.0),
        ("publish.publish.replace", 2.0),
        ("publish.publish.keep", 2.0),
    ],
)
def test_killed_just_before_a_step(home: Path, steps: dict[str, int], step: str, published: float) -> None:
    with second_run(home, (step, steps[step])) as run:
        run.communicate()
    assert run.returncode == -9

    assert check_published(home) == published
    check_heals(home)


@pytest.mark.parametrize("milliseconds", [20, 110, 240])
def test_killed_in_the_middle_of_whatever_it_does(home: Path, milliseconds: int) -> None:
    with second_run(home, 0) as run:
        try:
            run.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            run.kill()
        run.communicate()

    assert check_published(home) in {1.0, 2.0}
    check_heals(home)
