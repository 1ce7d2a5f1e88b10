"""Text that comes from outside and goes there: arguments, standard input, standard output.

Everything is UTF-8, in every locale: answers by bytes, messages by click.
"""

from __future__ import annotations

import io
import os
import sys
from typing import BinaryIO

import click

from marketflows_pipeline.errors import MarketflowsError, UserInputError
from marketflows_pipeline.system.printable import escaped


def argument_text(_context: click.Context, parameter: click.Parameter, value: str) -> str:
    """An argument as text, for click to call back.

    A locale that does not know UTF-8 hands its bytes through; they are text all the same.

    Raises:
        UserInputError: if it is empty, or its bytes are not UTF-8.
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        value = _utf8(os.fsencode(value), parameter.human_readable_name)
    if not value.strip():
        raise UserInputError(f"{parameter.human_readable_name} is empty")
    return value


def optional_text(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """As `argument_text`, for what may be left out."""
    return None if value is None else argument_text(context, parameter, value)


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


def _utf8(content: bytes, source: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise UserInputError(
            f"{source} is not UTF-8 text: byte {error.start + 1} is 0x{content[error.start]:02x}"
        ) from error
