"""The database by which hosts share: connections, a bounded retry while it does not answer, and its tables."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_exponential

from marketflows_pipeline.clock import Clock, SystemClock
from marketflows_pipeline.coordination.tables import SCHEMA, TABLES
from marketflows_pipeline.errors import CoordinationError, UserInputError
from marketflows_pipeline.providers.http.responses import one_line
from marketflows_pipeline.settings import Settings
from marketflows_pipeline.settings.postgres import PostgresTarget

if TYPE_CHECKING:
    import psycopg
    from psycopg_pool import ConnectionPool

    Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

T = TypeVar("T")

logger = logging.getLogger(__name__)

# How long a database that does not answer is waited for by a run, by a command that only answers, and in one attempt.
PATIENCE_S = 60.0
PATIENCE_OF_AN_ANSWER_S = 5.0
CONNECT_TIMEOUT_S = 5
_MOST_ATTEMPTS = 12
_LONGEST_PAUSE_S = 8.0
# What a second attempt would be told too; libpq gives words alone for a connection that was refused.
_FINAL = re.compile(
    r"authentication failed|no password supplied|does not exist|pg_hba\.conf|certificate|does not support SSL"
)
# Names are found in one schema, which the program has made, and times are stored without a zone.
_SESSION = {
    "search_path": SCHEMA,
    "timezone": "UTC",
    "client_min_messages": "warning",
    "idle_in_transaction_session_timeout": "30s",
    # Of a host that is gone, with its locks, the server learns within a minute.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# Of the program's own schema; two hosts that begin at once make it once.
_MAKING = 0x6D61726B6574


class Database:
    """A Postgres database, asked under one role; connections are opened when they are first needed.

    Args:
        target: where it is.
        password: of the role; by default libpq looks for it.
        allow_plain: whether a server on another machine may be asked without TLS.
        clock: waits between attempts.
        patience_s: how long it is waited for, while it does not answer.

    Raises:
        UserInputError: if psycopg is not installed.
    """

    def __init__(
        self,
        target: PostgresTarget,
        password: str | None = None,
        *,
        allow_plain: bool = False,
        clock: Clock | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        _require_driver()
        self.target = target
        self._password = password
        self._allow_plain = allow_plain
        self._clock = clock or SystemClock()
        self._patience_s = patience_s
        self._opening = threading.Lock()
        self._pool: ConnectionPool[Connection] | None = None
        # Once it was waited for in vain, the other steps of a run do not wait as long again, each by itself.
        self._is_given_up = False

    def __repr__(self) -> str:
        return f"Database({str(self.target)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; another question opens new ones."""
        with self._opening:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    @property
    def pool(self) -> ConnectionPool[Connection]:
        """Connections for short questions, each tried before it is lent."""
        with self._opening:
            if self._pool is None:
                from psycopg_pool import ConnectionPool  # noqa: PLC0415 (not in every installation)

                # What goes wrong is said by whoever asks.
                logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())
                self._pool = ConnectionPool(
                    kwargs=self._arguments("marketflows budgets"),
                    min_size=1,
                    max_size=4,
                    timeout=CONNECT_TIMEOUT_S,
                    check=ConnectionPool.check_connection,
                    open=True,
                )
            return self._pool

    def connect(self, application_name: str) -> Connection:
        """A connection for the caller alone, each statement a transaction of its own.

        Raises:
            CoordinationError: if the database refuses, or does not answer within the time that it is waited for.
        """
        import psycopg  # noqa: PLC0415 (not in every installation)

        return self.retried(lambda: psycopg.connect(**self._arguments(application_name), autocommit=True))

    def ask(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that one statement gives, in a transaction of its own; errors as for `connect`."""

        def once() -> list[tuple[Any, ...]]:
            with self.pool.connection() as connection:
                return rows_of(connection, statement, parameters)

        return self.retried(once)

    def retried(self, action: Callable[[], T]) -> T:
        """What an action gives, which is repeated while the database does not answer.

        An action that has ended in the database though its answer was lost is repeated too.

        Raises:
            CoordinationError: in one line, if the database refuses, or answers too late.
        """
        import psycopg  # noqa: PLC0415 (not in every installation)
        from psycopg import OperationalError  # noqa: PLC0415
        from psycopg_pool import PoolTimeout  # noqa: PLC0415

        def once() -> T:
            try:
                return action()
            except PoolTimeout:
                # The pool does not say why it has no connection, and pauses for longer and longer before the next try.
                psycopg.connect(**self._arguments("marketflows")).close()
                self.close()
                return action()

        attempts = Retrying(
            stop=stop_after_delay(self._patience_s) | stop_after_attempt(1 if self._is_given_up else _MOST_ATTEMPTS),
            wait=wait_exponential(multiplier=0.25, max=_LONGEST_PAUSE_S),
            retry=retry_if_exception(lambda error: isinstance(error, OperationalError) and not _is_final(error)),
            sleep=self._clock.sleep,
            before_sleep=lambda state: logger.debug(
                "%s does not answer, attempt %d", self.target, state.attempt_number
            ),
            reraise=True,
        )
        with self.translated():
            try:
                result = attempts(once)
            except OperationalError:
                self._is_given_up = True
                raise
        self._is_given_up = False
        return result

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Make one line of an error of the database in the block; it holds no password.

        Raises:
            CoordinationError: in place of psycopg's own.
        """
        from psycopg import Error  # noqa: PLC0415 (not in every installation)

        try:
            yield
        except Error as error:
            reason = one_line(" ".join(str(error).split())) or type(error).__name__
            raise CoordinationError(
                f"Postgres, {self.target}, by which hosts share budgets and locks ([execution] in config.toml), could "
                f"not be used: {reason}"
            ) from error

    def prepare(self) -> None:
        """Make the schema and the tables where they are missing; a role that owns the schema needs no other right.

        Raises:
            CoordinationError: as for `connect`.
        """
        import psycopg  # noqa: PLC0415 (not in every installation)

        def make() -> None:
            connection = psycopg.connect(**self._arguments("marketflows set-up"))
            with contextlib.closing(connection), connection.transaction():
                if rows_of(connection, "select to_regclass('lock_holders')") != [(None,)]:
                    return
                rows_of(connection, "select pg_advisory_xact_lock(%s)", (_MAKING,))
                if rows_of(connection, "select to_regnamespace(%s)", (SCHEMA,)) == [(None,)]:
                    rows_of(connection, f"create schema {SCHEMA}")
                for table in TABLES:
                    rows_of(connection, table)

        self.retried(make)

    def _arguments(self, application_name: str) -> dict[str, Any]:
        options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
        return {
            **self.target.keywords(allow_plain=self._allow_plain),
            "password": self._password,
            "application_name": application_name,
            "options": options,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        }


def rows_of(connection: Connection, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    """The rows that a statement gives; none where it is no question. The text of a statement is this package's own."""
    # psycopg asks for literal text, so that nobody puts values into it.
    cursor = connection.execute(statement.encode(), parameters or None)
    return cursor.fetchall() if cursor.description else []


def open_database(settings: Settings, clock: Clock | None = None, *, patience_s: float = PATIENCE_S) -> Database:
    """The database that these settings share with other hosts; nothing is connected to yet.

    Args:
        settings: which share one.
        clock: waits between attempts.
        patience_s: how long it is waited for, while it does not answer.

    Raises:
        UserInputError: if psycopg is not installed.
    """
    target = settings.shared_database
    assert target is not None, "the settings share a database"
    password = settings.postgres_password
    return Database(
        target,
        password.get_secret_value() if password else None,
        allow_plain=settings.execution.allow_plain,
        clock=clock,
        patience_s=patience_s,
    )


def _require_driver() -> None:
    try:
        import psycopg  # noqa: F401, PLC0415 (not in every installation)
        import psycopg_pool  # noqa: F401, PLC0415
    except ImportError:
        raise UserInputError(
            'Postgres needs a package that is not installed: pip install "marketflows-pipeline[postgres]"'
        ) from None


def _is_final(error: Exception) -> bool:
    return _FINAL.search(str(error)) is not None
