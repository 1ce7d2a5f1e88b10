"""Which parts a host serves: all of them, unless its environment names some."""

from __future__ import annotations

from collections.abc import Mapping

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.options import PARTS_VARIABLE, parts_named
from marketflows_pipeline.schema import PARTS, Part
from marketflows_pipeline.system.printable import excerpt


def parts_of_host(environ: Mapping[str, str]) -> tuple[Part, ...] | None:
    """The parts that ``MARKETFLOWS_PARTS`` names, such as ``exchanges,cross_asset``, in the order of the registry.

    Args:
        environ: environment variables of the code server.

    Returns:
        None where the variable is missing or empty: this is the only host, and a run may hold several parts.

    Raises:
        UserInputError: if it names anything else.
    """
    named = parts_named(environ)
    for name in named:
        if name not in PARTS:
            raise UserInputError(f"{PARTS_VARIABLE}: {excerpt(name)} is no part; expected some of {', '.join(PARTS)}")
    return tuple(part for part in PARTS if part in named) or None
