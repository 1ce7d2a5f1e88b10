"""Run the README's commands on a machine that has python3, make and certificates, and nothing else.

Usage: ``python3 tools/fresh_machine.py [--all]``, as root on Debian or one of its kin, with debootstrap installed.
Makes the smallest Debian in a folder (in ``TMPDIR``, default ``/var/tmp``; 1.6 GB) and runs there, as a user of its own
with an empty environment, the tutorial and the picture tests, or every test with ``--all``. Of this machine it sees
the name resolution, the certificates, the proxy and the package index. Needs nothing but the standard library.

Everything runs in name spaces of its own: whatever ends this program ends its processes and mounts too, so that nothing
of this machine is mounted there any more when the folder is removed.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pip_settings

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAMS = ("apt-get", "debootstrap", "git", "mount", "unshare")
SPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")
NEEDED_BYTES = 3e9
PACKAGES = "python3,make,ca-certificates"
USER, USER_ID = "fresh", 1000
CLONE = Path("/home", USER, "marketflows")
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# The README's first command, and the tests that compare charts with golden ones.
TUTORIAL = 'make run FLAGS="--tutorial"'
PICTURES = 'make test-all TESTS="marketflows_pipeline_tests/charts marketflows_pipeline_tests/cli/test_command.py"'
ALL_TESTS = "make test-all"

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_began = time.monotonic()


class FreshMachineError(Exception):
    """The machine cannot be made; the message says what to do."""


def say(line: str) -> None:
    """One line on the progress, with the seconds since the start."""
    sys.stdout.write(f"[{time.monotonic() - _began:4.0f} s] {line}\n")
    sys.stdout.flush()


# Outside: a folder, name spaces, and the removal.


def what_is_missing() -> str | None:
    """What this machine lacks to make another one, in one line."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "make test-fresh makes a machine in a folder, which needs root on Linux: sudo make test-fresh"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"make test-fresh needs {', '.join(missing)}: apt-get install --no-install-recommends debootstrap git"
    if subprocess.run([*SPACES, "true"], capture_output=True, check=False).returncode:  # noqa: S603
        return "make test-fresh mounts and needs name spaces of its own, which are forbidden here (in a container?)"
    if shutil.disk_usage(_parent()).free < NEEDED_BYTES:
        return f"make test-fresh needs {NEEDED_BYTES / 1e9:.0f} GB in {_parent()}; TMPDIR names another folder"
    return None


def _parent() -> str:
    return os.environ.get("TMPDIR") or "/var/tmp"  # noqa: S108


def make_and_use(arguments: Sequence[str]) -> int:
    """Exit code of what runs inside; the folder is gone afterwards, however that ended."""
    # Closed to others, since the machine is told the package index's password; open inside.
    folder = Path(tempfile.mkdtemp(prefix="marketflows-fresh-", dir=_parent()))
    root = folder / "root"
    root.mkdir()
    root.chmod(0o755)
    inside = subprocess.Popen([*SPACES, sys.executable, __file__, "--inside", str(root), *arguments])  # noqa: S603
    try:
        return inside.wait()
    finally:
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)
        _end(inside)
        say(f"removing {folder}")
        _remove(folder)


def _end(spaces: subprocess.Popen[bytes]) -> None:
    """Kill the first process of the name spaces; `unshare` ends when the kernel has ended all the others too."""
    children = Path(f"/proc/{spaces.pid}/task/{spaces.pid}/children")
    try:
        for child in children.read_text(encoding="ascii").split():
            os.kill(int(child), signal.SIGKILL)
    except (OSError, ValueError):
        pass  # It has ended by itself.
    spaces.wait()


def _remove(folder: Path) -> None:
    """Remove the folder, unless something is mounted in it: that would be removed with it."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    if any(Path(point).is_relative_to(folder) for point in mounted):
        raise FreshMachineError(f"{folder} is left: something is mounted in it (umount, then rm -r)")
    shutil.rmtree(folder)


# Inside: the machine.


def fill(root: Path, *, every_test: bool) -> int:
    """Make the machine and run the commands in it; exit code of the first that fails.

    Raises:
        FreshMachineError: if it cannot be made.
    """
    suite, mirror = _own_suite()
    say(f"making a Debian {suite} with {PACKAGES}")
    _call(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, str(root), mirror], _apt_proxy())
    _mount(root)
    environ = settle(root, os.environ)
    say("copying the repository")
    copy_repository(root)
    for command in (TUTORIAL, ALL_TESTS if every_test else PICTURES):
        say(command)
        status = _wait_for(subprocess.Popen(_as_user(root, environ, command)))  # noqa: S603
        if status:
            say(f"failed with exit code {status}: {command}")
            return 1
    say("passed")
    return 0


def _own_suite() -> tuple[str, str]:
    """Name and mirror of the Debian that runs here, from apt's sources."""
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines() if "=" in line
    )
    suite = release.get("VERSION_CODENAME", "stable").strip('"')
    command = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()  # noqa: S603
    for line in listed:
        name, component, mirror = line.split(" ", 2)
        if (name, component) == (suite, "main"):
            return suite, mirror
    raise FreshMachineError(f"apt's sources name no mirror for {suite} main (apt-get update may help)")


def _apt_proxy() -> dict[str, str]:
    """The proxy that apt uses, for debootstrap's downloads."""
    command = ["apt-config", "shell", "proxy", "Acquire::http::Proxy"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    address = "".join(shlex.split(said)).removeprefix("proxy=")
    return {"http_proxy": address} if address else {}


def _call(command: Sequence[str], changed: Mapping[str, str] | None = None) -> None:
    """Run a step whose output is shown only if it fails."""
    pipe = tempfile.TemporaryFile()  # noqa: SIM115
    with pipe:
        started = subprocess.Popen(  # noqa: S603
            command, env={**os.environ, **(changed or {})}, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
        if _wait_for(started):
            pipe.seek(0)
            raise FreshMachineError(f"{pipe.read().decode(errors='replace')}\n{shlex.join(command)} failed")


def _wait_for(started: subprocess.Popen[bytes]) -> int:
    """A process's exit code. The first process of a machine also takes leave of every orphan."""
    while True:
        pid, status = os.wait()
        if pid == started.pid:
            started.returncode = os.waitstatus_to_exitcode(status)
            return started.returncode


def _mount(root: Path) -> None:
    """What every running machine has: processes, shared memory, terminals."""
    for kind, place, options in (
        ("proc", "proc", "nosuid,nodev,noexec"),
        ("tmpfs", "dev/shm", "nosuid,nodev,mode=1777"),
        ("devpts", "dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5"),
    ):
        (root / place).mkdir(parents=True, exist_ok=True)
        if not os.path.ismount(root / place):
            _call(["mount", "-t", kind, "-o", options, kind, str(root / place)])


def settle(root: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the machine a user, this machine's network settings and its package index; the user's environment."""
    _call(["chroot", str(root), "useradd", "--create-home", "--uid", str(USER_ID), "--shell", "/bin/sh", USER])
    for path in ("/etc/resolv.conf", "/etc/hosts", BUNDLE):
        _copy(root, path)
    settings = pip_settings.read(environ)
    bundle = settings.get("cert") or next((environ[name] for name in BUNDLE_VARIABLES if environ.get(name)), None)
    if bundle:
        settings["cert"] = bundle
    for name in ("cert", "client-cert", "constraint"):
        for path in settings.get(name, "").split():
            _copy(root, path)
    for folder in pip_settings.local_folders(settings):
        _show(root, folder)
    lines = [f"{name} = {value}" for name, value in sorted(settings.items())]
    (root / "etc/pip.conf").write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
    proxies = {name: value for name, value in environ.items() if name.lower() in PROXY_VARIABLES}
    return {"HOME": f"/home/{USER}", "USER": USER, "LOGNAME": USER, "PATH": "/usr/local/bin:/usr/bin:/bin", **proxies}


def _copy(root: Path, path: str) -> None:
    """A file of this machine, at the same place, readable by everybody."""
    if Path(path).is_file():
        target = _place(root, Path(path).parent) / Path(path).name
        target.unlink(missing_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o644)


def _place(root: Path, folder: Path) -> Path:
    """A folder of the machine that its user can look into."""
    place = root
    for part in folder.absolute().parts[1:]:
        place /= part
        place.mkdir(exist_ok=True)
        place.chmod(place.stat().st_mode | 0o555)
    return place


def _show(root: Path, folder: Path) -> None:
    """A folder of this machine, at the same place, for reading only."""
    place = str(_place(root, folder.parent) / folder.name)
    Path(place).mkdir(exist_ok=True)
    _call(["mount", "--bind", str(folder), place])
    _call(["mount", "-o", "remount,bind,ro", place])


def copy_repository(root: Path) -> None:
    """The files that git has or would take, as they lie in the work tree; no history, nothing built."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False)  # noqa: S603
    if listed.returncode:
        raise FreshMachineError(f"{listed.stderr.decode(errors='replace').strip()}\nmake test-fresh needs a git clone")
    clone = root / CLONE.relative_to("/")
    for name in listed.stdout.decode().split("\0"):
        if name and os.path.lexists(REPOSITORY / name):
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, clone / name, follow_symlinks=False)
    _call(["chroot", str(root), "chown", "--recursive", f"{USER}:", str(CLONE)])


def _as_user(root: Path, environ: Mapping[str, str], command: str) -> list[str]:
    variables = [f"{name}={value}" for name, value in environ.items()]
    user = f"--userspec={USER_ID}:{USER_ID}"
    return ["chroot", user, str(root), "env", "-i", *variables, "sh", "-c", f"cd {CLONE} && exec {command}"]


def _stop(signal_number: int, _frame: object) -> NoReturn:
    sys.exit(128 + signal_number)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0 where every command passed, 1 where one failed, 2 where the machine cannot be made."""
    every_test = "--all" in arguments
    try:
        if arguments[:1] == ["--inside"]:
            # Ctrl-C reaches every process at the terminal; the one outside ends this one.
            signal.signal(signal.SIGINT, lambda *_: None)
            return fill(Path(arguments[1]), every_test=every_test)
        if set(arguments) - {"--all"}:
            sys.stderr.write(f"{__doc__}\n")
            return 2
        if problem := what_is_missing():
            sys.stderr.write(f"{problem}\n")
            return 2
        for number in STOPS:
            signal.signal(number, _stop)
        return make_and_use(arguments)
    except FreshMachineError as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
