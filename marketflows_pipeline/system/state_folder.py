"""Where this program keeps what it remembers for its user, apart from his data."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_state_path

VARIABLE = "XDG_STATE_HOME"


def state_folder(name: str) -> Path:
    """``$XDG_STATE_HOME/marketflows/NAME``, by default under ``~/.local/state``.

    Raises:
        OSError: if there is no home folder.
    """
    folder = user_state_path("marketflows") / name
    if not folder.is_absolute():
        raise OSError(f"there is no home folder, and {VARIABLE} names none")
    return folder
