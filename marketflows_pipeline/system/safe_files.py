"""Create files so that others cannot read what is private, and nothing planted in their place is written through.

A folder may be open to other users of the machine, who may put a link, a FIFO, a directory or a second name of
another file where this program is about to write. So a new file is created exclusively under a random name and
renamed onto its place, which replaces a link instead of following it. Only the last part of a path is looked at: a
folder that is a link is the user's own choice.

What is private is for its user alone (0600, folders 0700) under any umask. What is made for others to read, pictures
and the published file, has the mode that the user's umask gives.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from marketflows_pipeline.errors import UnsafeFileError

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
# Neither follows a link nor waits for the other end of a FIFO, and no child process inherits it.
_NO_TRAPS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SCRATCH = ".scratch"
# A draft is in its place after some milliseconds.
_IN_USE_S = 3600
_DEVICES = Path("/dev")
_DRAFT = re.compile(r"\.marketflows-[0-9a-f]{16}\.draft")

_umask = threading.Lock()
_private_users = 0
_users_umask = 0


@contextlib.contextmanager
def private_umask() -> Iterator[None]:
    """While it lasts, whatever this process creates is for its user alone: DuckDB makes its own files.

    A process has one umask for all its threads, so the first user of this sets it and the last one gives it back.
    """
    global _private_users, _users_umask  # noqa: PLW0603 - as the umask itself, there is one for the whole process
    with _umask:
        previous = os.umask(0o077)
        if _private_users == 0:
            _users_umask = previous
        _private_users += 1
    try:
        yield
    finally:
        with _umask:
            _private_users -= 1
            if _private_users == 0:
                os.umask(_users_umask)


def keep_others_from_writing() -> None:
    """Let others write to nothing that this process and its children make.

    The sockets through which Dagster's parts take orders have the mode that the umask gives.
    """
    os.umask(os.umask(0o077) | 0o022)


def open_mode(full: int = 0o666) -> int:
    """The mode of a file for others to read: what the user's umask leaves of `full`."""
    with _umask:
        if _private_users:
            return full & ~_users_umask
        current = os.umask(0o077)
        os.umask(current)
        return full & ~current


def set_mode(file: int | Path, mode: int) -> None:
    """Change a mode as far as that can be: some file systems know none, and another user's file is his to change."""
    with contextlib.suppress(PermissionError):
        if isinstance(file, Path):
            file.chmod(mode)
        else:
            os.fchmod(file, mode)


def private_folder(folder: Path, *, is_ours: bool = True) -> None:
    """Make a folder for its user alone, where it is missing.

    It may be a link to a folder. One that holds nothing but files of this program (``is_ours``) is closed to others
    too, if it is the user's.

    Raises:
        UnsafeFileError: if a file is in its place, or in that of a folder above.
    """
    if not folder.is_dir():
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(PRIVATE_FOLDER, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise UnsafeFileError(f"{folder} cannot be made: {error.filename} is no folder; move it away") from error
    elif is_ours:
        _close_to_others(folder, PRIVATE_FOLDER)


def shared_folder(folder: Path) -> None:
    """Make a folder for what others may read, and those above it, where they are missing.

    Raises:
        OSError: if it cannot be made, or something else than a folder is in its place.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            each.mkdir()
            # A bit that the folder above hands down (setgid) stays.
            set_mode(each, stat.S_IMODE(each.stat().st_mode) | open_mode(0o777))
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "it is no folder; move it away", str(folder))


@contextlib.contextmanager
def drafted(path: Path, content: bytes, *, private: bool) -> Iterator[Path]:
    """A file beside the one that it is to replace, by ``draft.replace(path)`` within the block.

    On a fault, such as a full disk or a signal, nothing of it stays.

    Raises:
        UnsafeFileError: if a directory stands in the place of the file, which no file can replace, or a device of the
            system's, which none may: root could.
    """
    if path.is_dir() and not path.is_symlink():
        raise UnsafeFileError(f"{path} cannot be written: it is a directory; move it away")
    if is_device(path):
        raise UnsafeFileError(f"{path} cannot be written: it is a device; name another file")
    draft = path.with_name(f".marketflows-{secrets.token_hex(8)}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_TRAPS, PRIVATE_FILE), "wb") as file:
            file.write(content)
            set_mode(file.fileno(), PRIVATE_FILE if private else open_mode())
        yield draft
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes, *, private: bool) -> None:
    """Put a file in its place, whole or not at all; what stands there is replaced, and no link followed."""
    with drafted(path, content, private=private) as draft:
        draft.replace(path)


def clear_drafts(folder: Path, *, older_than: Path | None = None) -> None:
    """Remove drafts that a killed process left.

    In a folder which only one run at a time writes to, these are all; elsewhere those that were there an hour before
    a file was written.
    """
    for path in folder.iterdir():
        if _DRAFT.fullmatch(path.name):
            with contextlib.suppress(OSError):
                if older_than is None or path.lstat().st_mtime < older_than.stat().st_mtime - _IN_USE_S:
                    remove(path)


@contextlib.contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A private folder for what is read and thrown away, beside a file that only one run at a time opens.

    Those of killed runs, which may hold hundreds of megabytes, are removed first.
    """
    for path in beside.parent.iterdir():
        if path.name.startswith(f"{beside.name}.") and path.name.endswith(_SCRATCH):
            with contextlib.suppress(OSError):
                remove(path)
    with TemporaryDirectory(prefix=f"{beside.name}.", suffix=_SCRATCH, dir=beside.parent) as folder:
        yield Path(folder)


def open_private(path: Path, flags: int) -> int:
    """Open a private file that is written to in place, made where it is missing; its descriptor.

    Raises:
        UnsafeFileError: if it is a directory, another user's file, or a second name of a file.
    """
    make_way(path)
    descriptor = os.open(path, flags | os.O_CREAT | _NO_TRAPS, PRIVATE_FILE)
    try:
        if error := _error_of(os.fstat(descriptor), path):
            raise UnsafeFileError(f"{path} {error}")
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
            set_mode(descriptor, PRIVATE_FILE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def make_way(path: Path, *, folder: bool = False) -> None:
    """Leave at a path either nothing or the user's own plain file: a link or a FIFO is removed, and not followed.

    With ``folder`` a folder of the user's own may be there, instead of a file.

    Raises:
        UnsafeFileError: if what is there is anything else.
    """
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            path.unlink()
        elif not folder:
            require_own(path)
        elif not stat.S_ISDIR(found.st_mode) or not _is_own(found, path):
            raise UnsafeFileError(f"{path} is no folder of your own; move it away")


def require_own(path: Path) -> None:
    """Go on only if there is nothing at a path, or a plain file of the user's own, which is then closed to others.

    Raises:
        UnsafeFileError: naming the path and what is there.
    """
    with contextlib.suppress(FileNotFoundError):
        if error := _error_of(path.lstat(), path):
            raise UnsafeFileError(f"{path} {error}")
        _close_to_others(path, PRIVATE_FILE)


def read_plain(path: Path, *, most: int = -1) -> bytes:
    """The content of a plain file.

    Raises:
        OSError: if it is missing, unreadable, a link, or no plain file.
    """
    descriptor = os.open(path, os.O_RDONLY | _NO_TRAPS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


def is_own_plain(path: Path) -> bool:
    """Whether a path is a plain file of the user's own, and no link to one."""
    try:
        found = path.lstat()
        return stat.S_ISREG(found.st_mode) and _is_own(found, path)
    except OSError:
        return False


def is_device(path: Path) -> bool:
    """Whether a path is a device, such as /dev/null, or what /dev calls standard output, which is a link."""
    try:
        found = path.lstat()
    except OSError:
        return False
    is_node = stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)
    return is_node or (stat.S_ISLNK(found.st_mode) and path.parent.resolve() == _DEVICES)


def remove(path: Path) -> None:
    """Remove whatever is at a path, with what is in it; of a link, the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _close_to_others(path: Path, mode: int) -> None:
    found = path.lstat()
    if found.st_uid == os.geteuid() and not stat.S_ISLNK(found.st_mode) and stat.S_IMODE(found.st_mode) & 0o077:
        set_mode(path, mode)


def _is_own(found: os.stat_result, path: Path) -> bool:
    """Whether a file is this user's, root's, or of whoever owns the folder and has it in his hands anyway."""
    return found.st_uid in {os.geteuid(), 0, path.parent.stat().st_uid}


def _error_of(found: os.stat_result, path: Path) -> str | None:
    """What keeps a file from being a plain one of the user's own, in words."""
    if stat.S_ISLNK(found.st_mode):
        return "is a link: expected the file itself; remove the link, or name the file that it points to"
    if stat.S_ISDIR(found.st_mode):
        return "is a directory: expected a file; move it away"
    if not stat.S_ISREG(found.st_mode):
        return "is no plain file; move it away"
    if found.st_nlink > 1:
        return "is a second name (hard link) of a file: expected a file of its own; move it away, or copy it"
    if not _is_own(found, path):
        return "belongs to another user: expected a file of your own; move it away"
    return None
