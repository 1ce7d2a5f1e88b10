"""Install what a lock names, each file checked against its hash, and then this project itself.

Usage: ``.venv/bin/python tools/install_lock.py [LOCK]``, by the interpreter of the environment to install into. The
lock is requirements.lock unless another is named. uv does it in seconds; where uv fails or is not available, pip
installs the same lock. Silent unless something fails.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import uv_runner
from uv_runner import CommandError

STAMP = ".set-up"  # in the environment, from the end of one installation to the beginning of the next
ROOT = Path(__file__).resolve().parents[1]
# A lock is complete. pip before 24 refuses hashes where a package asks for another one's extra.
LOCKED = ["--require-hashes", "--no-deps", "--requirement"]
# setuptools comes from the lock, so building the project asks for nothing more.
PROJECT = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]


def with_uv(lock: Path, environ: Mapping[str, str], *, anew: bool) -> None:
    """Install with uv; `anew` replaces also what seems to be there.

    Raises:
        CommandError: if uv is not available or fails.
    """
    uv = uv_runner.bring_uv(environ, anew=anew)
    known = uv_runner.environment(environ)
    if environ.get("PYTHONDONTWRITEBYTECODE"):
        # Python would compile every package anew at each start; pip compiles by itself.
        known["UV_COMPILE_BYTECODE"] = "1"
    install = [*uv, "pip", "install", "--python", sys.executable, *uv_runner.no_index(environ)]
    uv_runner.run([*install, *(["--reinstall"] if anew else []), *LOCKED, str(lock)], known)
    uv_runner.run([*install, *PROJECT], known)


def with_pip(lock: Path, environ: Mapping[str, str], *, anew: bool) -> None:
    """Install with pip; `anew` replaces also what seems to be there.

    Raises:
        CommandError: if pip fails.
    """
    install = [sys.executable, "-m", "pip", "install"]
    again = ["--force-reinstall", "--ignore-installed"] if anew else []
    uv_runner.run([*install, *again, *LOCKED, str(lock)], environ)
    uv_runner.run([*install, *PROJECT], environ)


def is_half_made(stamp: Path, packages: Path) -> bool:
    """Whether something lies here, but no installation has come to its end: it may be half of a package."""
    return not stamp.exists() and any(
        not each.name.startswith(("pip-", "setuptools-")) for each in packages.glob("*.dist-info")
    )


def install(environ: Mapping[str, str], lock: Path = ROOT / "requirements.lock") -> int:
    """Exit code 0, or 1 after everything that uv and pip wrote."""
    stamp = Path(sys.prefix, STAMP)
    anew = is_half_made(stamp, Path(sysconfig.get_path("purelib")))
    stamp.unlink(missing_ok=True)
    try:
        with_uv(lock, environ, anew=anew)
    except CommandError as uv_error:
        sys.stderr.write("uv cannot install here; pip does the same, which takes a minute or two\n")
        try:
            with_pip(lock, environ, anew=anew)
        except CommandError as pip_error:
            sys.stderr.write(f"{uv_error}\n{pip_error}\n")
            return 1
    stamp.touch()
    return 0


def main() -> int:
    """Exit code of the installation, 130 after Ctrl-C."""
    try:
        return install(os.environ, *map(Path, sys.argv[1:2]))
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
