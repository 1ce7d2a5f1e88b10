"""Where the broker's address comes from, on both sides, and what is said where something is missing."""

from __future__ import annotations

import sys

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.orchestration import celery_app
from marketflows_pipeline.orchestration.celery_app import BROKER, celery_steps, worker_app

ADDRESS = "redis://:canary-2c9e4b10@127.0.0.1:6379/0"


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dagster_celery", "dagster_celery.executor"):
        monkeypatch.setitem(sys.modules, name, None)
    for ask in (celery_steps, lambda: worker_app({BROKER: ADDRESS})):
        with pytest.raises(UserInputError, match=r'pip install "marketflows-pipeline\[celery\]"$'):
            ask()


@pytest.mark.parametrize("environ", [{}, {BROKER: " "}])
def test_a_worker_without_an_address_says_which_variable_has_it(environ: dict[str, str]) -> None:
    with pytest.raises(UserInputError, match=f"^{BROKER}: expected the address of the broker"):
        worker_app(environ)


def test_both_sides_take_the_address_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dagster_celery")
    monkeypatch.setenv(BROKER, ADDRESS)
    app = celery_app.app
    assert app.conf.broker_url == app.conf.result_backend == ADDRESS
    assert celery_steps().name == "celery"


def test_a_step_is_begun_again_no_sooner_than_its_run_has_ended() -> None:
    """Redis takes a worker that works for longer than this for a lost one."""
    from marketflows_pipeline.orchestration.shards import MAX_RUNTIME

    waits = celery_app._SETTINGS["broker_transport_options"]["visibility_timeout"]
    assert waits > MAX_RUNTIME.total_seconds()


def test_the_module_has_nothing_else_that_is_made_on_demand() -> None:
    with pytest.raises(AttributeError, match="another"):
        getattr(celery_app, "another")  # noqa: B009 (the name is what is tested)
