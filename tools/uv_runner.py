"""Run uv with pip's settings; where it is missing, pip brings it into this environment.

Usage: ``.venv/bin/python tools/uv_runner.py pip list``. Needs nothing but the standard library and pip.
"""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pip_settings

# By its hash, as all that it then installs. Any of its series does: the same commands and variables.
UV_LOCK = Path(__file__).resolve().with_name("uv.lock")
_SERIES = "0.13."


class CommandError(Exception):
    """A command failed; the message is everything that it wrote."""


def run(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run a command that is silent unless it fails.

    Raises:
        CommandError: with all that the command wrote.
    """
    done = subprocess.run(  # noqa: S603
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise CommandError(f"$ {' '.join(command)}\n{done.stdout}")


def bring_uv(environ: Mapping[str, str], *, anew: bool = False) -> list[str]:
    """The words that start a fitting uv, which pip installs where it is missing.

    Raises:
        CommandError: if pip cannot install it.
    """
    if anew or not _installed().startswith(_SERIES):
        again = ["--force-reinstall"] if anew else []
        locked = ["--require-hashes", "--no-deps", "--requirement", str(UV_LOCK)]
        run([sys.executable, "-m", "pip", "install", "--only-binary", "uv", *again, *locked], environ)
    return [sys.executable, "-m", "uv"]


def _installed() -> str:
    try:
        return importlib.metadata.version("uv")
    except importlib.metadata.PackageNotFoundError:
        return ""


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What uv is given: pip's settings, and a cache that can be written where a user has no home to write to."""
    found = pip_settings.for_uv(pip_settings.read(environ), environ)
    if not found.get("UV_CACHE_DIR"):
        home = pip_settings.home(environ)
        caches = environ.get("XDG_CACHE_HOME") or (home and home / ".cache")
        if not (caches and _is_writable(Path(caches, "uv"))):
            found["UV_CACHE_DIR"] = str(Path(sys.prefix, ".uv-cache"))
    return found


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def no_index(environ: Mapping[str, str]) -> list[str]:
    """The flag for a user who allows no index; uv has no variable for it."""
    return ["--no-index"] if pip_settings.is_on(pip_settings.read(environ), "no-index") else []


def main(arguments: list[str]) -> int:
    """The exit code of uv, or 1 where there is no uv."""
    try:
        command = bring_uv(os.environ)
    except CommandError as error:
        sys.stderr.write(f"{error}\npip could not install what {UV_LOCK} names\n")
        return 1
    return subprocess.run([*command, *arguments], env=environment(os.environ), check=False).returncode  # noqa: S603


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
