"""Why a run failed, in one line and with an exit code, from what Dagster keeps of it."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster_shared.error import SerializableErrorInfo

from marketflows_pipeline.errors import UserInputError, WarehouseError
from marketflows_pipeline.orchestration.failures import RunFailure, failure_of


def failure(error: Exception, cause: Exception | None = None) -> RunFailure:
    @dg.op
    def fails() -> None:
        raise error from cause

    @dg.job
    def job() -> None:
        fails()

    return failure_of(job.execute_in_process(raise_on_error=False).all_events)


@pytest.mark.slow
def test_an_error_of_this_program_is_one_line_with_its_exit_code() -> None:
    assert failure(WarehouseError("no table: WarehouseError: twice")) == RunFailure(
        ("no table: WarehouseError: twice",), 1
    )
    assert failure(UserInputError("a.csv: expected a date"), ValueError("hidden")).exit_code == 2


def test_the_known_cause_of_an_unknown_error_is_the_one_that_is_said() -> None:
    assert failure(RuntimeError("wrapped"), WarehouseError("the disk is full")).lines == ("the disk is full",)


@pytest.mark.slow
def test_without_a_known_error_the_innermost_is_said_with_its_kind() -> None:
    assert failure(RuntimeError("outer"), KeyError("inner")) == RunFailure(("KeyError: 'inner'",), 1)


def test_dagster_hands_over_no_error_itself() -> None:
    """Otherwise its class could be asked, and nothing would have to go by the name of one."""
    assert set(SerializableErrorInfo.__annotations__) == {*("message", "stack", "cls_name", "cause", "context")}
