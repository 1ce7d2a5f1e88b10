"""Files are made in one module, so that none is written through a planted link or left readable for everybody."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from marketflows_pipeline_tests.layers import MODULES, PACKAGE, parsed

_MAKES_FILES = {
    *("write_text", "write_bytes", "touch", "mkdir", "makedirs", "mkfifo", "symlink_to", "hardlink_to", "symlink"),
    *("copyfile", "copy2", "copytree", "move", "rmtree", "mkstemp", "mkdtemp", "NamedTemporaryFile"),
    *("TemporaryFile", "TemporaryDirectory", "FileHandler", "RotatingFileHandler", "FileLock", "connect"),
    *("write_parquet", "write_csv", "write_ipc", "write_json", "savez", "savetxt", "sink_parquet", "sink_csv"),
    *("dump", "umask", "chmod", "fchmod"),
}

# Each with the reason why it is safe where it is.
MAY_MAKE_FILES = {
    ("schema/dictionary.py", "mkdir"): "a developer's tool, in the developer's own clone",
    ("schema/dictionary.py", "write_text"): "the same",
    ("warehouse/copy_file.py", "open xb"): "exclusive, in a child process that imports nothing of this package",
    ("warehouse/engine.py", "connect"): "in memory; DuckDB's own files are looked at by store.py before it attaches",
    ("warehouse/versions.py", "symlink_to"): "a link of a random name, renamed onto the published one",
    ("warehouse/published.py", "TemporaryDirectory"): "a folder of a random name, for its user alone",
    ("warehouse/user_query.py", "write_parquet"): "into that folder",
    ("providers/defillama/client.py", "mkdir"): "within a folder of a random name, for its user alone",
    ("providers/http/response_body.py", "open xb"): "exclusive, within that folder",
    ("charts/rendering/worker.py", "open wb"): "a pipe to the process that started it",
    ("cli/__init__.py", "open w"): "/dev/null",
    ("system/run_lock.py", "open wb"): "of a descriptor that safe_files opened",
    ("cli/logs.py", "open ab"): "the same",
    ("system/run_lock.py", "FileLock"): "opens without following a link, where safe_files has made way",
    ("cli/logs.py", "RotatingFileHandler"): "opens by safe_files; the rest is renaming",
    ("charts/rendering/plan.py", "write_ipc"): "into memory",
    ("models/parameters.py", "savez"): "into memory",
    ("report/kept_specs.py", "write_ipc"): "into memory",
    ("warehouse/store.py", "connect"): "the store's own, by engine.py",
    ("warehouse/store_copy.py", "connect"): "the same",
    ("coordination/credits.py", "connect"): "to Postgres",
    ("coordination/database.py", "connect"): "to Postgres",
    ("coordination/locks.py", "connect"): "to Postgres",
    ("orchestration/run_history.py", "connect"): "a connection of an engine whose file safe_files made",
}


def makers(tree: ast.AST) -> Iterator[str]:
    """What a module calls, or derives from, that makes a file or opens one to write."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (name for base in node.bases if (name := _last(base)) in _MAKES_FILES)
        if not isinstance(node, ast.Call):
            continue
        name = _last(node.func)
        if ast.unparse(node.func) == "engine.connect" or (name.startswith("write_") and not node.args):
            # In memory, with settings of its own; a frame as text.
            continue
        if name in _MAKES_FILES:
            yield name
        elif name in {"open", "fdopen"}:
            yield from (f"open {mode}" for mode in _modes(node, name) if set(mode) & set("wax+") and mode.islower())


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _modes(call: ast.Call, name: str) -> Iterator[str]:
    """Texts among the arguments that can be a mode, and the flags of `os.open` that write."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and len(argument.value) <= 3:
            yield argument.value
        elif name == "open" and any(
            flag in ast.unparse(argument) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND")
        ):
            yield "w"


@cache
def found() -> set[tuple[str, str]]:
    modules = {str(path.relative_to(PACKAGE)): path for path in MODULES if path.name != "safe_files.py"}
    return {(name, made) for name, path in modules.items() for made in makers(parsed(path))}


def test_only_safe_files_makes_files() -> None:
    """Use `safe_files`; where that cannot be, say above why it is safe."""
    assert found() - set(MAY_MAKE_FILES) == set()


def test_no_exception_outlives_its_maker() -> None:
    assert set(MAY_MAKE_FILES) <= found()


@pytest.mark.parametrize(
    "source",
    [
        'path.write_text("x")',
        'open(path, "w")',
        'path.open(mode="ab")',
        "os.open(path, os.O_WRONLY | os.O_CREAT)",
        'os.fdopen(descriptor, "wb")',
        "shutil.copyfile(a, b)",
        "folder.mkdir(parents=True)",
        "tempfile.NamedTemporaryFile(dir=folder)",
        "duckdb.connect(str(path))",
        "class Log(logging.FileHandler): ...",
        "frame.write_parquet(path)",
    ],
)
def test_a_new_maker_is_noticed(source: str) -> None:
    assert list(makers(ast.parse(source)))


@pytest.mark.parametrize("source", ['path.open("rb")', 'path.open(encoding="utf-8")', "os.open(path, os.O_RDONLY)"])
def test_a_reader_is_none(source: str) -> None:
    assert not list(makers(ast.parse(source)))


def test_the_package_was_looked_at() -> None:
    assert Path(PACKAGE / "system" / "safe_files.py") in MODULES
