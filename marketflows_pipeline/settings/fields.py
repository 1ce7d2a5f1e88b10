"""The kinds of values a settings file holds, each with the rule that every value of its kind obeys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.providers.http.addresses import is_web_address
from marketflows_pipeline.system.printable import IDENTITY_LENGTH, NAME_LENGTH, is_identity, presentable

_T = TypeVar("_T")
_Sorted = TypeVar("_Sorted", int, float)

# Ten times what all assets of the world are worth.
MOST_DOLLARS = 1e16
# More steps or sessions than any window or history has.
MAX_SPAN = 10_000
RESERVED_PORTFOLIOS = ("Narratives", "Portfolios", "Ranges")

# Which names may become part of a file name, on any of the three desktop systems.
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


def expected(what: str) -> PydanticCustomError:
    """The error to raise where a rule is broken: ``expected …``."""
    return PydanticCustomError("rule", "expected {what}", {"what": what})


def unique(values: Iterable[_T]) -> tuple[_T, ...]:
    """The values in their order, each once."""
    return tuple(dict.fromkeys(values))


def ascending(values: Iterable[_Sorted]) -> tuple[_Sorted, ...]:
    """The values from the lowest to the highest, each once."""
    return tuple(sorted(set(values)))


def _identity(text: str) -> str:
    if text != text.strip() or not is_identity(text):
        raise expected(f"an id of at most {IDENTITY_LENGTH} characters, without spaces around it or control characters")
    return text


def _presentable(text: str) -> str:
    if text != presentable(text):
        raise expected(f"a name of at most {NAME_LENGTH} characters in one line, without control characters")
    return text


def _whole_dollars(limit: float) -> float:
    # A range is called by its limit in whole dollars, so cents would give two ranges one name.
    if limit <= 0 or not limit.is_integer():
        raise expected("whole dollars above 0")
    if limit > MOST_DOLLARS:
        raise expected(f"{MOST_DOLLARS:g} or less")
    return limit


def _web_address(text: str) -> str:
    if not is_web_address(text):
        raise expected("an address that begins with http:// or https://, such as https://example.org:8443")
    parts = urlsplit(text)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise expected("an address without user, password, query or fragment (the key is sent as a header)")
    return text.rstrip("/")


def _as_date(value: object) -> object:
    if value == "current" or type(value) is date:
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise expected('"current" or a date such as 2026-03-01') from None


def _path_of(value: object, info: ValidationInfo, kind: str) -> Path:
    if isinstance(value, str):
        if not value.strip() or "\0" in value:
            raise expected(f"the path of a {kind}")
        value = Path(value)
    if not isinstance(value, Path):
        raise expected(f"the path of a {kind}, as text in quotes")
    root: Path | None = (info.context or {}).get("root")
    return value if root is None else root / value


def file_path(value: object, info: ValidationInfo) -> Path:
    """The path of a file; a relative one starts at the folder of config.toml."""
    if isinstance(value, str) and value.endswith(("/", "\\")):
        raise expected("the path of a file")
    return _path_of(value, info, "file")


def folder_path(value: object, info: ValidationInfo) -> Path:
    """The path of a folder; a relative one starts at the folder of config.toml."""
    return _path_of(value, info, "folder")


def file_safe(name: str) -> str:
    """The name itself, if it can be part of a file name.

    Raises:
        PydanticCustomError: if it cannot, saying what was expected.
    """
    for is_broken, expectation in _RULES:
        if is_broken(name):
            raise expected(expectation)
    return name


def portfolio_name(name: str) -> str:
    """The name itself, if a portfolio may be called so.

    Raises:
        PydanticCustomError: if it is a category of this program, or cannot be part of a file name.
    """
    if name.strip().casefold() in {reserved.casefold() for reserved in RESERVED_PORTFOLIOS}:
        raise expected(f"another name: {', '.join(RESERVED_PORTFOLIOS)} are categories of this program")
    return file_safe(name)


Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
# Every number has both bounds: what is far beyond any use fails deep in a run, after hours of fetching.
Span = Annotated[Whole, Field(ge=1, le=MAX_SPAN)]
Text = Annotated[str, Field(strict=True)]
CoinId = Annotated[Text, AfterValidator(_identity)]
Name = Annotated[Text, AfterValidator(_presentable)]
FileSafe = Annotated[Text, AfterValidator(file_safe)]
PortfolioName = Annotated[Text, AfterValidator(portfolio_name)]
Coins = Annotated[tuple[CoinId, ...], Field(min_length=1)]
Slugs = Annotated[tuple[FileSafe, ...], AfterValidator(unique)]
IdsOnce = Annotated[tuple[CoinId, ...], AfterValidator(unique)]
Dollars = Annotated[Number, AfterValidator(_whole_dollars)]
Limits = Annotated[tuple[Dollars, ...], AfterValidator(ascending)]
WebAddress = Annotated[Text, AfterValidator(_web_address)]
FilePath = Annotated[Path, BeforeValidator(file_path)]
FolderPath = Annotated[Path, BeforeValidator(folder_path)]
Members = Annotated[Literal["current"] | date, BeforeValidator(_as_date)]


class TomlTable(BaseModel):
    """A table of a TOML file: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)
