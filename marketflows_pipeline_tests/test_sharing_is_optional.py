"""What only several hosts need is neither loaded nor looked for where nothing is shared."""

from __future__ import annotations

import subprocess
import sys

import pytest

from marketflows_pipeline.coordination.database import Database
from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.settings.postgres import PostgresTarget

LOADS = """
import sys
import marketflows_pipeline.build
import marketflows_pipeline.clients
import marketflows_pipeline.cli
import marketflows_pipeline.cli.plan
import marketflows_pipeline.cli.quarantine
import marketflows_pipeline.cli.status
import marketflows_pipeline.cli.run
ours = "marketflows_pipeline.coordination"
others = ("psycopg.", "psycopg_pool", "celery", "kombu", "dagster_celery")
print(*sorted(name for name in sys.modules if name.startswith((*others, ours))))
"""


@pytest.mark.slow
def test_a_run_of_one_host_loads_neither_celery_nor_a_driver_of_postgres() -> None:
    done = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["marketflows_pipeline.coordination", "marketflows_pipeline.coordination.run_locks"]


def test_without_the_driver_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserInputError, match=r'pip install "marketflows-pipeline\[postgres\]"$'):
        Database(PostgresTarget("mf"))
