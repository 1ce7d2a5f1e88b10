"""Celery's part in the job of histories: the executor that sends its steps, and the app of the workers that take them.

Workers are started by ``celery -A marketflows_pipeline.orchestration.celery_app worker``. Both sides read the broker's
address from the same variable, so that neither has a file in which it may stand wrongly, or lie open.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import dagster as dg

from marketflows_pipeline.errors import UserInputError

if TYPE_CHECKING:
    from celery import Celery

BROKER = "MARKETFLOWS_CELERY_BROKER"
_MISSING = 'Celery is not installed: pip install "marketflows-pipeline[celery]"'
# A worker takes a step only once it is idle. The broker hands out again what was not done within the time: no sooner
# than the longest run has ended, since it cannot tell a lost worker from one that still works.
_SETTINGS: dict[str, Any] = {
    "worker_prefetch_multiplier": 1,
    "task_acks_late": True,
    "broker_transport_options": {"visibility_timeout": 7 * 3600, "max_retries": 3, "interval_max": 0.5},
    "broker_connection_retry_on_startup": True,
}


def celery_steps() -> dg.ExecutorDefinition:
    """The executor that hands each step to one of the workers.

    Raises:
        UserInputError: if Celery is not installed.
    """
    try:
        from dagster_celery import celery_executor  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise UserInputError(_MISSING) from error
    address = {"env": BROKER}
    made: dg.ExecutorDefinition = celery_executor.configured(
        {"broker": address, "backend": address, "config_source": _SETTINGS}, name="celery"
    )
    return made


def worker_app(environ: Mapping[str, str]) -> Celery:
    """The app of a worker.

    Args:
        environ: environment variables; ``MARKETFLOWS_CELERY_BROKER`` is the address that the executor has too.

    Raises:
        UserInputError: if it is not set, or Celery is not installed.
    """
    address = environ.get(BROKER, "").strip()
    if not address:
        raise UserInputError(f"{BROKER}: expected the address of the broker, such as redis://:PASSWORD@host:6379/0")
    try:
        from dagster_celery.executor import CeleryExecutor  # noqa: PLC0415 (an extra)
        from dagster_celery.make_app import make_app  # noqa: PLC0415 (an extra)
        from dagster_celery.tasks import create_task  # noqa: PLC0415 (an extra)
    except ImportError as error:
        raise UserInputError(_MISSING) from error
    app: Celery = make_app(CeleryExecutor.for_cli(broker=address, backend=address, config_source=_SETTINGS).app_args())
    create_task(app)
    return app


def __getattr__(name: str) -> Celery:
    """The attribute ``app`` that Celery's command looks for: made when it is asked for, not at import."""
    if name != "app":
        raise AttributeError(name)
    return _app()


@cache
def _app() -> Celery:
    return worker_app(os.environ)
