"""``marketflows-webserver``: dagster-webserver, with all its options, behind the guard."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import click
import uvicorn
from dagster_webserver import cli
from starlette.types import ASGIApp

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.system.safe_files import keep_others_from_writing
from marketflows_pipeline.web.guard import Guard
from marketflows_pipeline.web.hosts import HOSTS_VARIABLE, served_hosts
from marketflows_pipeline.web.token import token_of


def guard_of(environ: Mapping[str, str]) -> Callable[[ASGIApp], Guard]:
    """What puts an app behind the guard, with the names and the token of the environment.

    Raises:
        UserInputError: if a name or the file of the token is wrong.
    """
    return partial(Guard, hosts=served_hosts(environ.get(HOSTS_VARIABLE, "")), token=token_of(environ))


def _serve(app: ASGIApp, **options: Any) -> None:  # noqa: ANN401 - whatever dagster-webserver asks uvicorn for
    # Read here, since Dagster has by now added what an .env file of the folder says.
    uvicorn.run(guard_of(os.environ)(app), **options)


@contextmanager
def errors_in_a_line() -> Iterator[None]:
    """End the process with one line and its exit code where an error of this program ends the block."""
    try:
        yield
    except MarketflowsError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


def main() -> None:
    """Serve the page until the process is told to end."""
    keep_others_from_writing()
    command: Any = cli
    if getattr(command, "uvicorn", None) is not uvicorn:
        sys.exit("error: this version of dagster-webserver is started in another way; its page would have no guard")
    # All that the command can do with uvicorn is serve behind the guard: anything else has no name and stops it.
    command.uvicorn = SimpleNamespace(run=_serve)
    with errors_in_a_line():
        command.main()


if __name__ == "__main__":
    main()
