"""Text that comes from outside and goes there: arguments, standard input, standard output.

Everything is UTF-8, in every locale: answers by bytes, messages by click.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import click

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.system.printable import IDENTITY_LENGTH, NAME_LENGTH, escaped, excerpt
from marketflows_pipeline.system.safe_files import is_device


class PathText(click.Path):
    """A path that can be looked at, whether or not anything is there.

    An empty one, as of a shell variable that is not set, is none: it would be the working directory.
    """

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 (as click has it)
        """The path, as click makes it."""
        if value == "":
            self.fail("'' is not a path.", param, ctx)
        try:
            os.lstat(value)
        except FileNotFoundError:
            pass
        except OSError as error:
            self.fail(f"{str(value)!r} cannot be used: {error.strerror}.", param, ctx)
        return super().convert(value, param, ctx)


def place_of_file(_context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """The path of a file to write, for click to call back: what stands there is replaced, so it has to be a file."""
    if path is not None and (is_device(path) or (path.exists() and not path.is_file() and not path.is_dir())):
        raise click.BadParameter(f"{str(path)!r} is no plain file, and only such a one is replaced.", param=parameter)
    return path


def argument_text(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    """An argument as text, for click to call back.

    A locale that does not know UTF-8 hands its bytes through; they are text all the same.

    Raises:
        UserInputError: if it is empty, or its bytes are not UTF-8.
    """
    name = _name_of(parameter)
    try:
        value.encode()
    except UnicodeEncodeError:
        value = _utf8(os.fsencode(value), name)
    if not value.strip():
        raise UserInputError(f"{name} is empty")
    return value


def argument_texts(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """As `argument_text`, for an option that may be given several times."""
    return tuple(argument_text(context, parameter, value) for value in values)


def name_text(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """As `argument_text`, for the name of something, which a message repeats.

    Raises:
        UserInputError: if it has more than one line, or more characters than any name, too.
    """
    value = argument_text(context, parameter, value)
    if len(value.splitlines()) > 1 or len(value) > IDENTITY_LENGTH:
        shown = f"{_name_of(parameter)} {excerpt(value, NAME_LENGTH)!r}"
        raise UserInputError(f"{shown}: expected one line of at most {IDENTITY_LENGTH} characters")
    return value


def optional_text(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """As `name_text`, for what may be left out."""
    return None if value is None else name_text(context, parameter, value)


def read_standard_input() -> str:
    """All of standard input as text.

    Raises:
        UserInputError: if it is closed, cannot be read, or is not UTF-8.
    """
    if sys.stdin is None:
        raise UserInputError("standard input is closed")
    try:
        content = sys.stdin.buffer.read()
    except OSError as error:
        raise UserInputError(f"standard input cannot be read: {error.strerror}") from error
    # Editors on Windows put a byte order mark first.
    return _utf8(content, "standard input").removeprefix("\ufeff")


def standard_output() -> BinaryIO:
    """Where the bytes of an answer go.

    Raises:
        MarketflowsError: if standard output is closed.
    """
    if sys.stdout is None:
        raise MarketflowsError("standard output is closed")
    return sys.stdout.buffer


def say(words: str, *, is_error: bool = False) -> None:
    """Tell the user something; whatever the words quote, no terminal acts on them.

    Args:
        words: one line or several.
        is_error: whether they go to standard error.
    """
    click.echo("\n".join(map(escaped, words.split("\n"))), err=is_error)


def use_utf8() -> None:
    """Begin anew with UTF-8 for names of files, where the locale knows no such thing; the process stays the same one.

    The interpreter decides that when it starts, and by itself only for some locales: under others, or with
    PYTHONUTF8=0, no picture of a portfolio called Größe could be written.
    """
    if sys.getfilesystemencoding() != "utf-8" and sys.executable and not sys.flags.utf8_mode:
        command = [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
        os.execve(sys.executable, command, os.environ | {"PYTHONUTF8": "1"})  # noqa: S606 - this very program


def speak_utf8() -> None:
    """Write messages and log lines as UTF-8, whatever the locale; names of files that are no text are escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _name_of(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name


def _utf8(content: bytes, source: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UserInputError(
            f"{source} is not UTF-8 text: byte {error.start + 1} is 0x{content[error.start]:02x}"
        ) from error
