"""From Dagster's account of a failed run to the one line that says why, and the exit code that goes with it.

Dagster keeps the text and the class name of a step's error, never the error itself, so its kind is found by that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterEvent, DagsterEventType, DagsterExecutionInterruptedError
from dagster._core.errors import DagsterAssetCheckFailedError
from dagster_shared.error import SerializableErrorInfo

from marketflows_pipeline import errors


@dataclass(frozen=True)
class RunFailure:
    """Why a run failed.

    A line a cause; the exit code is 2 where a file of the user's is wrong, else 1.
    """

    lines: tuple[str, ...]
    exit_code: int


def causes_of(error: BaseException) -> str:
    """The innermost fault this program knows, else the innermost of all, as text."""
    chain = [error]
    while (inner := chain[-1].__cause__) is not None:
        chain.append(inner)
    known = [link for link in chain if isinstance(link, errors.MarketflowsError)]
    return str((known or chain)[-1]).strip()


def is_interrupt(error: BaseException) -> bool:
    """Whether a signal is behind a fault, whatever was made of it on the way."""
    return any(isinstance(link, DagsterExecutionInterruptedError | errors.Stopped) for link in errors.links_of(error))


def failure_of(events: Iterable[DagsterEvent]) -> RunFailure:
    """Read the events of a failed run."""
    causes = dict.fromkeys(cause for event in events for cause in _causes(event))
    codes = [code for _, code in causes]
    return RunFailure(lines=tuple(line for line, _ in causes), exit_code=max(codes, default=1))


def _causes(event: DagsterEvent) -> Iterator[tuple[str, int]]:
    if event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
        check = event.asset_check_evaluation_data
        if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR:
            name = "/".join(check.asset_key.path)
            shown = ", ".join(f"{key} = {value.value}" for key, value in check.metadata.items() if key != "worst")
            yield f"check {check.check_name} of {name} failed ({shown})", errors.CheckFailedError.exit_code
    elif event.is_step_failure:
        yield from _innermost_known(event.step_failure_data.error)
    elif event.event_type == DagsterEventType.RUN_FAILURE:
        yield from _innermost_known(event.job_failure_data.error)


def _innermost_known(error: SerializableErrorInfo | None) -> Iterator[tuple[str, int]]:
    """Message and exit code of the first error of a chain that this program knows, else of the innermost of all."""
    innermost = None
    while error is not None:
        name = error.cls_name or ""
        if name == DagsterAssetCheckFailedError.__name__:
            return  # the check's own evaluation says more
        message = error.message.split(f"{name}: ", 1)[-1].strip()
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, errors.MarketflowsError):
            yield message, kind.exit_code
            return
        innermost = f"{name}: {message}"
        error = error.cause
    if innermost is not None:
        yield innermost, 1
