"""Results of checks over runs of the whole pipeline: on record though they block, and published with the rest."""

from __future__ import annotations

import pytest

from marketflows_pipeline.checks import checks_of
from marketflows_pipeline_tests.fakes import faults
from marketflows_pipeline_tests.pipeline.environment import HISTORY, Environment
from marketflows_pipeline_tests.published_answers import run_sql

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("after_first_run")]

FAILED = "select check_name from meta.check_results where not passed and is_blocking and run_id = '{}'"


def test_every_check_of_a_part_is_published_with_it(env: Environment) -> None:
    found = run_sql(env.published, "select check_name, table_name, passed from meta.check_results")

    assert found.height == len(checks_of("market_caps"))
    assert found["passed"].all()


def test_what_blocked_a_part_is_on_record(env: Environment) -> None:
    env.configure(days=30)
    env.service.script(HISTORY, *[faults.json_error(404, {"error": "coin not found"})] * 100)

    assert not env.run(hours_later=1)

    assert env.result is not None
    assert "coverage_is_sufficient" in env.stored(FAILED.format(env.result.run_id))["check_name"].to_list()
