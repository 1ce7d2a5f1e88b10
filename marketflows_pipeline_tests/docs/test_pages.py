"""The pages for users: short, linked, and about the program that there is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from marketflows_pipeline.cli import marketflows
from marketflows_pipeline_tests.docs.pages import LANGUAGES, PAGES, ROOT, Block, Example, blocks, commands, examples

PACKAGE = ROOT / "marketflows_pipeline"
ALL_PAGES = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs/decisions").glob("*.md"))]
BLOCKS = [block for page in ALL_PAGES for block in blocks(page)]
TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# Words that separate commands of one line, and the prefixes that stand before one.
SEPARATORS = {"|", "&&", ";", "<", ">"}


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_the_readme_is_one_page() -> None:
    """It had grown to 480 lines, in which nobody found how to start."""
    assert len(text_of(ROOT / "README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_each_page_is_short_and_linked(page: Path) -> None:
    assert page.name == "data_dictionary.md" or len(text_of(page).splitlines()) <= 150
    assert any(
        page.name in text_of(ROOT / name)
        for name in ("README.md", "CONTRIBUTING.md", "docs/operations.md", "docs/scaling.md")
    )


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            missing.append(target)
    assert not missing


def test_every_picture_is_shown() -> None:
    pages = "".join(map(text_of, PAGES))
    assert not [path.name for path in (ROOT / "docs/pictures").iterdir() if f"pictures/{path.name})" not in pages]


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.stem)
def test_no_page_names_a_file_that_is_gone(page: Path) -> None:
    """Pages named modules by their names of half a year ago."""
    named = re.findall(r"`([\w./-]+\.(?:py|sql))`", text_of(page))
    folders = [ROOT, PACKAGE, ROOT / "marketflows_pipeline_tests", ROOT / "tools", ROOT / "warehouse/queries"]
    assert not [name for name in named if not any((folder / name).exists() for folder in folders)]


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.stem)
def test_every_make_target_exists(page: Path) -> None:
    assert not set(re.findall(r"`make ([a-z0-9-]+)", text_of(page))) - TARGETS


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.page in PAGES], ids=str)
def test_every_block_says_its_language(block: Block) -> None:
    assert block.language in LANGUAGES
    assert set(block.info.split()[1:]) <= {"no_run"}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in {"sh", "console"}], ids=str)
def test_every_command_line_is_valid(block: Block) -> None:
    for words in commands(block):
        name, *arguments = words
        if name == "make":
            assert arguments[0] in TARGETS, words
        elif name == "marketflows":
            end = next((i for i, word in enumerate(arguments) if word in SEPARATORS), len(arguments))
            parse(marketflows, arguments[:end])
        assert not [word for word in words if re.match(r"(deploy|tools|docs)/", word) and not (ROOT / word).exists()]


def parse(command: click.Command, arguments: list[str], parent: click.Context | None = None) -> None:
    """Parse a command line as the program would, without running it.

    Raises:
        click.UsageError: if it is wrong.
    """
    context = command.make_context(command.name, list(arguments), parent=parent)
    rest = [*context._protected_args, *context.args]
    if isinstance(command, click.Group) and rest:
        _, subcommand, subarguments = command.resolve_command(context, rest)
        assert subcommand is not None
        parse(subcommand, subarguments, context)


@pytest.mark.parametrize("line", ["--tutoral", "sql", "exchange-flow", "train --horizon 6", "cross-asset who-lost"])
def test_a_wrong_command_line_would_be_noticed(line: str) -> None:
    with pytest.raises(click.UsageError):
        parse(marketflows, line.split())


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "toml"], ids=str)
def test_every_block_of_settings_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


def test_every_option_and_command_is_documented() -> None:
    page = text_of(ROOT / "docs/commands.md")
    options = {name for parameter in marketflows.params for name in parameter.opts if name.startswith("--")}
    names = {f"marketflows {name}" for name in marketflows.commands}
    assert not {name for name in options | names if name not in page} - {"--version", "--help"}


def test_every_setting_is_documented() -> None:
    page = text_of(ROOT / "docs/settings.md")
    keys = re.findall(r"^(\w+) = ", text_of(ROOT / "config.toml"), flags=re.MULTILINE)
    assert len(keys) > 10
    assert not [key for key in keys if f"`{key}`" not in page and key not in {"MyPortfolio", "AltBag"}]


def test_a_block_is_read_as_it_stands(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('1. So:\n   ```console\n   $ echo "a\n   b" | cat\n   a\n   …\n   $ true\n   ```\n')
    (block,) = blocks(page)

    assert (block.line, block.language, block.runs) == (2, "console", True)
    assert list(examples(block)) == [Example('echo "a\nb" | cat', "a\n…"), Example("true", "")]
    assert commands(block) == [["echo", "a\nb", "|", "cat"], ["true"]]


@pytest.mark.parametrize(
    ("shown", "matches"),
    [
        ("a\nb\nc", True),
        ("…\nc", True),
        ("a\n…", True),
        ("a\n…\nc", True),
        ("a\nb", False),
        ("…\nb", False),
        ("", False),
    ],
)
def test_an_ellipsis_stands_for_lines_of_output(shown: str, matches: bool) -> None:
    assert Example("ls", shown).matches("a  \nb\n\nc\n") == matches


def test_the_glossary_is_in_order() -> None:
    glossary = text_of(ROOT / "CONTRIBUTING.md").split("\n## Glossary\n")[1]
    terms = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", glossary, re.MULTILINE)[1:]
    assert len(terms) == 42
    assert terms == sorted(terms, key=str.lower)
