"""The scripts that draw the page's charts: Vega and what belongs to it, made once by vl-convert and kept on disk.

To make them takes about five seconds, so no run does it: `make setup` and the command do, before a run begins.

``python -m marketflows_pipeline.report.bundle`` makes them where they are missing; with ``--system`` for all users.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from marketflows_pipeline.errors import MarketflowsError
from marketflows_pipeline.system.safe_files import is_own_plain, read_plain, shared_folder, write_whole

HOW_TO_MAKE = "marketflows report"
NOTICES = Path(__file__).with_name("NOTICES.txt")

_MAKER = "vl-convert-python"
_NAME = re.compile(r"vega-(?P<version>[0-9A-Za-z.+-]+)-(?P<digest>[0-9a-f]{64})\.js")
# What would end a script element, or change its text when a browser reads it.
_UNFIT = re.compile(r"</script|<!--|[\r\0]", re.IGNORECASE)


def user_folder() -> Path:
    """Where the scripts are kept for this user."""
    return platformdirs.user_cache_path("marketflows")


def system_folder() -> Path:
    """Where an administrator, or the build of an image, keeps them for all users."""
    return Path(platformdirs.site_cache_dir("marketflows"))


def read_bundle() -> str | None:
    """The scripts as the page holds them; None where they have not been made, or are not what was written."""
    return next((text for folder in (user_folder(), system_folder()) for text in _kept_in(folder)), None)


def make_bundle(folder: Path) -> str:
    """Make the scripts and keep them in a folder, in place of those of other versions.

    Raises:
        MarketflowsError: if they cannot be put into a page.
        OSError: if they cannot be written.
    """
    import vl_convert  # loads for 0.1 s, and is needed once

    text: str = vl_convert.javascript_bundle()  # type: ignore[call-arg] # its types know no default of the snippet
    if _UNFIT.search(text):
        raise MarketflowsError(f"the scripts of {_MAKER} {_version()} cannot stand in a page")
    content = text.encode()
    shared_folder(folder)
    name = f"vega-{_version()}-{hashlib.sha256(content).hexdigest()}.js"
    write_whole(folder / name, content, private=False)
    for path in folder.iterdir():
        if path.name != name and _NAME.fullmatch(path.name) and is_own_plain(path):
            path.unlink(missing_ok=True)
    return _wrapped(text)


def _kept_in(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob(f"vega-{_version()}-*.js")):
        named = _NAME.fullmatch(path.name)
        if named is None or named["version"] != _version() or not is_own_plain(path):
            continue
        try:
            content = read_plain(path)
        except OSError:
            continue
        if hashlib.sha256(content).hexdigest() == named["digest"]:
            yield _wrapped(content.decode())


def _version() -> str:
    return importlib.metadata.version(_MAKER)


def _wrapped(text: str) -> str:
    """Within a function: as it is, it would put 2,500 names into the page's global scope."""
    return f"(()=>{{{text}\n}})();"


def main(arguments: list[str]) -> int:
    """Make the scripts where they are missing."""
    folder = system_folder() if "--system" in arguments else user_folder()
    if not any(_kept_in(folder)):
        make_bundle(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
