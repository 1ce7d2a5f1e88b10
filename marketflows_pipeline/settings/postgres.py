"""A Postgres database as the settings name it: ``postgres:dbname=… host=… port=… user=…``, and a lake's place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field
from pydantic_core.core_schema import ValidationInfo

from marketflows_pipeline.providers.http.addresses import is_this_machine
from marketflows_pipeline.settings.fields import TomlTable, expected, file_path, folder_path
from marketflows_pipeline.settings.object_storage import SCHEME, ObjectPlace, object_place

PREFIX = "postgres:"
DEFAULT_HOST = "localhost"
DEFAULT_PORT = 5432
MAX_PORT = 65_535
# The rest of libpq's keywords either hold secrets or would undo what is decided here, such as sslmode.
KEYWORDS = ("dbname", "host", "port", "user", "sslrootcert")
EXAMPLE = '"postgres:dbname=marketflows host=db.example.com user=marketflows"'
MAX_LENGTH = 255
# A keyword and its value as libpq reads them: plain, or in single quotes, with a backslash before a quote or backslash.
_PAIR = re.compile(
    r"\s*(?P<keyword>\w+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'|(?P<plain>(?:[^\s'\\]|\\.)*))(?=\s|$)\s*"
)
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True)
class PostgresTarget:
    """Where a Postgres database is and who asks it.

    Attributes:
        dbname: the database.
        host: a name, an address, or the folder of a socket, which begins with ``/``.
        port: of the server.
        user: the role; by default the one that libpq takes, that of the system's user.
        sslrootcert: file with the authorities that may have signed the server's certificate, or ``system``; by default
            where libpq looks for it.
    """

    dbname: str
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    user: str | None = None
    sslrootcert: str | None = field(default=None, kw_only=True)

    @classmethod
    def parse(cls, text: object) -> PostgresTarget:
        """The database that a text such as ``postgres:dbname=lake host=db port=5432 user=mf`` names.

        Raises:
            PydanticCustomError: if it is no such text, or holds a password or another keyword than the known ones.
        """
        if isinstance(text, PostgresTarget):
            return text
        if not isinstance(text, str) or not text.startswith(PREFIX):
            raise expected(f"a Postgres database such as {EXAMPLE}")
        given = dict(_pairs(text.removeprefix(PREFIX)))
        if not given.get("dbname"):
            raise expected(f"a database, dbname, such as in {EXAMPLE}")
        return cls(
            dbname=given["dbname"],
            host=given.get("host") or DEFAULT_HOST,
            port=_port(given.get("port") or str(DEFAULT_PORT)),
            user=given.get("user") or None,
            sslrootcert=given.get("sslrootcert") or None,
        )

    @property
    def is_local(self) -> bool:
        """Whether nobody between here and the server can listen: a socket, or this machine's loopback."""
        return self.host.startswith("/") or is_this_machine(self.host)

    def keywords(self, *, allow_plain: bool = False) -> dict[str, str]:
        """What libpq is told: everything but the password.

        Args:
            allow_plain: whether a server elsewhere may be asked without TLS.

        Returns:
            Keywords and values; ``sslmode`` is ``verify-full`` unless the server is on this machine, or
            ``allow_plain``.
        """
        is_free = self.is_local or allow_plain
        words = {
            "dbname": self.dbname,
            "host": self.host,
            "port": str(self.port),
            "user": self.user,
            "sslmode": "prefer" if is_free else "verify-full",
            # With authorities to check by, "prefer" would look for the file too.
            "sslrootcert": None if is_free else _authorities(self.sslrootcert),
        }
        return {keyword: value for keyword, value in words.items() if value is not None}

    def conninfo(self, *, allow_plain: bool = False) -> str:
        """The same as one text, each value in quotes, as ATTACH takes it."""
        return " ".join(
            f"{keyword}={_quoted(value)}" for keyword, value in self.keywords(allow_plain=allow_plain).items()
        )

    def __str__(self) -> str:
        return f"{self.dbname} on {self.host}:{self.port}"


PostgresAddress = Annotated[PostgresTarget, BeforeValidator(PostgresTarget.parse)]
StoreKind = Literal["duckdb", "ducklake"]
LakeCatalog: TypeAlias = PostgresTarget | Path
LakeData: TypeAlias = ObjectPlace | Path


def _authorities(named: str | None) -> str | None:
    """The file that ``system`` means.

    The libpq of a wheel looks where the one who built it had them, which is nowhere else; so it is told what Python
    takes.
    """
    if named != "system":
        return named
    import ssl  # noqa: PLC0415 (for several hosts)

    return ssl.get_default_verify_paths().cafile or named


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    seen: set[str] = set()
    while place < len(text):
        found = _PAIR.match(text, place)
        if found is None:
            raise expected(f"keywords with values, such as {EXAMPLE}")
        keyword = found["keyword"]
        if keyword not in KEYWORDS:
            raise expected(_instead_of(keyword))
        if keyword in seen:
            raise expected(f"{keyword} once")
        seen.add(keyword)
        value = _ESCAPE.sub(r"\1", found["plain"] if found["quoted"] is None else found["quoted"])
        if not value.isprintable() or len(value) > MAX_LENGTH:
            raise expected(f"a {keyword} of at most {MAX_LENGTH} characters, without control characters")
        yield keyword, value
        place = found.end()


def _instead_of(keyword: str) -> str:
    if "pass" in keyword.lower():
        return (
            "no password here: it belongs into MARKETFLOWS_POSTGRES_PASSWORD, or into secrets.toml as password under "
            "[postgres]"
        )
    if keyword.startswith("ssl"):
        return "no other TLS setting than sslrootcert; allow_plain = true in [execution] allows connections without TLS"
    return f"only {', '.join(KEYWORDS)}"


def _port(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) <= MAX_PORT:
        raise expected(f"a port from 1 to {MAX_PORT}")
    return int(text)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _catalog(value: object, info: ValidationInfo) -> LakeCatalog:
    if isinstance(value, PostgresTarget) or (isinstance(value, str) and value.startswith(PREFIX)):
        return PostgresTarget.parse(value)
    return file_path(value, info)


def _data(value: object, info: ValidationInfo) -> LakeData:
    if isinstance(value, ObjectPlace):
        return value
    if isinstance(value, str) and value.startswith(SCHEME):
        return object_place(value)
    if isinstance(value, str) and "://" in value:
        raise expected("s3://bucket/prefix, or the path of a folder")
    return folder_path(value, info)


class DuckLake(TomlTable):
    """``[warehouse.ducklake]``. Relative paths start at the folder of config.toml."""

    catalog: Annotated[LakeCatalog, BeforeValidator(_catalog)] = Field(
        Path(".marketflows/lake"), description="Postgres that holds the catalog, or a file for one process alone"
    )
    data: Annotated[LakeData, BeforeValidator(_data)] = Field(
        Path(".marketflows/lake_data"), description="s3://bucket/prefix, or a folder, that holds the tables"
    )
    export: bool = Field(True, strict=True, description="Whether each publish also writes published_path as a file")
