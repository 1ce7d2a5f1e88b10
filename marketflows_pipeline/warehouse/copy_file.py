"""Copy a file from a process of its own.

POSIX locks belong to a process and are released when it closes *any* descriptor of the file. Were the run to open and
close its own database file to copy it, DuckDB's lock would be gone. So a child copies: this module, run as a script by
a bare interpreter (standard library only, some 20 ms).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_CHUNK = 1 << 30
_BUFFER = 1 << 24


def copy_in_subprocess(source: Path, target: Path) -> None:
    """Copy a file's bytes to a new file, by a child process.

    Nobody may write to the source meanwhile; the target may be on any file system and must not exist.

    Raises:
        OSError: if it could not be copied whole; it says why, and nothing is left at `target`.
    """
    done = subprocess.run(  # noqa: S603 - our own interpreter and this very file
        [sys.executable, "-I", "-S", str(Path(__file__)), str(source), str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        target.unlink(missing_ok=True)
        reason = done.stderr.strip() or f"the copying process ended with {done.returncode}"
        raise OSError(f"{source} could not be copied to {target.parent}: {reason}")


def _copy(source: str, target: str) -> None:
    # Neither a link nor a FIFO that somebody put in the place of a file since it was looked at.
    opened = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(opened, "rb") as reader, open(target, "xb") as writer:  # noqa: PTH123 - pathlib would double the start
        size = os.fstat(reader.fileno()).st_size
        copied = _copy_in_kernel(reader.fileno(), writer.fileno(), size)
        reader.seek(copied)
        writer.seek(copied)
        shutil.copyfileobj(reader, writer, _BUFFER)
        if writer.tell() < size:
            raise OSError(f"{source} became shorter while it was copied")


def _copy_in_kernel(reader: int, writer: int, size: int) -> int:
    """Copy within the kernel as far as it goes; how many bytes are done.

    Not every kernel, sandbox and pair of file systems can do it (EXDEV, ENOSYS, EOPNOTSUPP, EINVAL, EPERM, or 0 bytes
    at once). Whatever the refusal, the plain copy takes over: a real error, such as a full disk, stops that too.
    """
    copied = 0
    while copied < size and hasattr(os, "copy_file_range"):
        try:
            step = os.copy_file_range(reader, writer, min(size - copied, _CHUNK))
        except OSError:
            break
        if step == 0:
            break
        copied += step
    return copied


if __name__ == "__main__":
    try:
        _copy(sys.argv[1], sys.argv[2])
    except OSError as error:
        sys.exit(error.strerror or str(error))
