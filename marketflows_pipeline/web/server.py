"""``marketflows-webserver``: dagster-webserver, with all its options, behind the guard."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import click
import uvicorn
from dagster_webserver import cli
from starlette.types import ASGIApp

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.web.guard import Guard
from marketflows_pipeline.web.hosts import HOSTS_VARIABLE, served_hosts
from marketflows_pipeline.web.token import token_of


def guarded(app: ASGIApp, environ: Mapping[str, str]) -> Guard:
    """An app behind the guard, with the names and the token of the environment.

    Raises:
        UserInputError: if a name or the file of the token is wrong.
    """
    return Guard(app, served_hosts(environ.get(HOSTS_VARIABLE, "")), token_of(environ))


def _serve(app: ASGIApp, **options: Any) -> None:  # noqa: ANN401 - whatever dagster-webserver asks uvicorn for
    uvicorn.run(guarded(app, os.environ), **options)


def main() -> None:
    """Serve the page until the process is told to end."""
    if getattr(cli, "uvicorn", None) is not uvicorn:
        sys.exit("error: this version of dagster-webserver is started in another way; its page would have no guard")
    # All that the command can do with uvicorn is serve behind the guard: anything else has no name and stops it.
    cli.uvicorn = SimpleNamespace(run=_serve)  # type: ignore[assignment]
    try:
        cli.main()
    except MarketflowsError as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(fault.exit_code)


if __name__ == "__main__":
    main()
