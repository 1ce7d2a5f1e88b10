"""Parse the pages for users: their fenced blocks, and the commands with their output in these.

The first word after a fence is the language. `sh`, `console`, `python` and `sql` blocks run against the tutorial's
published file; `no_run` behind `sh` marks commands that need a network, a key or another machine, which are parsed
only. In a console block, commands begin with `$ `, and a line `…` stands for any number of lines of output.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").glob("*.md"))]
LANGUAGES = {"sh", "console", "python", "sql", "toml", "text"}
ANY_LINES = "…"

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        line: of its opening fence, from 1.
        info: what stands behind the fence: a language, and `no_run` where it is only parsed.
    """

    page: Path
    line: int
    info: str
    text: str

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def runs(self) -> bool:
        return "no_run" not in self.info.split()

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Example:
    """A command of a console block with the output that the page shows."""

    command: str
    shown: str

    def matches(self, output: str) -> bool:
        """Whether the output is what is shown; trailing blanks and empty lines don't count."""
        lines = (r"(?:.*\n)*?" if line == ANY_LINES else re.escape(line) + "\n" for line in _lines(self.shown))
        return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in _lines(output))) is not None


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, found.start()) + 1, found["info"].strip(), textwrap.dedent(found["text"]))
        for found in _BLOCK.finditer(text)
    ]


def examples(block: Block) -> Iterator[Example]:
    """The commands of a console block; a command goes on over lines until its quotation marks are closed."""
    lines = block.text.splitlines()
    while lines:
        command = lines.pop(0).removeprefix("$ ")
        while not _is_complete(command):
            command += "\n" + lines.pop(0)
        shown = []
        while lines and not lines[0].startswith("$ "):
            shown.append(lines.pop(0))
        yield Example(command, "\n".join(shown))


def commands(block: Block) -> list[list[str]]:
    """The words of each command line of a block, without comments; pipes and redirections are words too."""
    if block.language == "console":
        texts = [example.command for example in examples(block)]
    else:
        texts, begun = [], ""
        for line in block.text.splitlines():
            begun += line
            if _is_complete(begun):
                texts.append(begun)
                begun = ""
            else:
                begun += "\n"
    return [words for text in texts if (words := shlex.split(text, comments=True))]


def _is_complete(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True
