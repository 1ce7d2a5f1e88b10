"""Which names may become part of a file name, on any of the three desktop systems."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_core import PydanticCustomError

RESERVED_PORTFOLIOS = ("Narratives", "Portfolios", "Ranges")

_MAX_BYTES = 100
_FORBIDDEN = frozenset('/\\<>:"|?*')
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"com{digit}" for digit in range(1, 10)), *(f"lpt{digit}" for digit in range(1, 10))}
)


# Each rule: whether a name breaks it, and what was expected instead.
_RULES: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda name: not name.strip(), "a name that is not empty"),
    (
        lambda name: name != name.strip() or name.endswith("."),
        "a name that neither begins nor ends with a space and does not end with a dot",
    ),
    (lambda name: name.startswith("."), "a name that does not begin with a dot"),
    (lambda name: not name.isprintable(), "a name without control characters"),
    (
        lambda name: not _FORBIDDEN.isdisjoint(name),
        'a name that can be a file name, without any of / \\ < > : " | ? *',
    ),
    (
        lambda name: name.split(".")[0].strip().casefold() in _DEVICES,
        "a name that is not a device of Windows, such as CON or NUL",
    ),
    (lambda name: len(name.encode()) > _MAX_BYTES, f"a name of at most {_MAX_BYTES} bytes"),
)


def file_safe(name: str) -> str:
    """The name itself, if it can be part of a file name.

    Raises:
        PydanticCustomError: if it cannot, saying what was expected.
    """
    for is_broken, expectation in _RULES:
        if is_broken(name):
            raise PydanticCustomError("file_name", "expected {what}", {"what": expectation})
    return name


def portfolio_name(name: str) -> str:
    """The name itself, if a portfolio may be called so.

    Raises:
        PydanticCustomError: if it is a category of this program, or cannot be part of a file name.
    """
    if name.strip().casefold() in {reserved.casefold() for reserved in RESERVED_PORTFOLIOS}:
        raise PydanticCustomError(
            "reserved_name",
            "expected another name: {reserved} are categories of this program",
            {"reserved": ", ".join(RESERVED_PORTFOLIOS)},
        )
    return file_safe(name)
