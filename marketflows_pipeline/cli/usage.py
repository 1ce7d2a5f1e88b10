"""Command lines that click refuses, in the words of somebody who wants them to work."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

import click

_KINDS = {"integer range": "a whole number", "float range": "a number"}


def explained(error: click.ClickException, arguments: Sequence[str]) -> click.ClickException:
    """The fault, saying what was expected of a number, and where an option stands that comes too late.

    Args:
        error: as click raised it.
        arguments: of the command line, without the program.
    """
    if isinstance(error, click.BadParameter) and error.param is not None:
        kind = error.param.type
        if isinstance(kind, click.IntRange | click.FloatRange):
            words = f"is not {_KINDS[kind.name]}{_range_of(kind)}."
            message = error.message.replace(f"is not a valid {kind.name}.", words)
            return click.BadParameter(message, error.ctx, error.param, error.param_hint)
    elif isinstance(error, click.UsageError) and error.ctx is not None:
        group, subcommand = error.ctx.find_root().command, _subcommand(error.ctx)
        if subcommand in arguments and (hint := _in_order(group, subcommand, arguments)):
            place = f"Options of all commands stand before the subcommand: {hint}"
            return click.UsageError(f"{error.message.rstrip('.')}. {place}", error.ctx)
    return error


def is_option_of(command: click.Command, word: str) -> bool:
    """Whether a word of the command line is an option of this command, maybe with its value."""
    return word.partition("=")[0] in _options(command)


def _subcommand(context: click.Context) -> str:
    """What was typed after the options of the group; empty where the group itself refused."""
    while context.parent is not None and context.parent.parent is not None:
        context = context.parent
    return context.info_name or "" if context.parent is not None else ""


def _options(command: click.Command) -> dict[str, click.Option]:
    found = [each for each in command.params if isinstance(each, click.Option) and not each.is_eager]
    return {name: option for option in found for name in option.opts}


def _in_order(group: click.Command, subcommand: str, arguments: Sequence[str]) -> str:
    """The command line with the group's options where they belong; empty where they all are."""
    at = list(arguments).index(subcommand)
    late, rest, words = [], [], iter(arguments[at:])
    for word in words:
        option = _options(group).get(word.partition("=")[0])
        if option is None:
            rest.append(word)
            continue
        late.append(word)
        late.extend(_value_of(option, word, words))
    return shlex.join(["marketflows", *arguments[:at], *late, *rest]) if late else ""


def _value_of(option: click.Option, word: str, following: Iterable[str]) -> list[str]:
    if option.is_flag or "=" in word:
        return []
    return list(next(iter(zip(following, strict=False)), ()))


def _range_of(kind: click.IntRange | click.FloatRange) -> str:
    limits = [f"{words} {limit:,}" for words, limit in (("from", kind.min), ("to", kind.max)) if limit is not None]
    return f" {' '.join(limits)}" if limits else ""
