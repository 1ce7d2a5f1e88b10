"""The systemd unit: no key in it, few rights, and the guarded page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/marketflows.service"
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def service() -> dict[str, list[str]]:
    """Each key of [Service] with its values, in order."""
    found: dict[str, list[str]] = {}
    (section,) = re.findall(r"^\[Service\]\n(.*?)^\[", UNIT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_key_comes_as_a_credential(service: dict[str, list[str]]) -> None:
    """The unit of the docs once held the key, and every user of the machine can read a unit."""
    (credential,) = service["LoadCredential"]
    name, _, source = credential.partition(":")
    assert Path(source).is_absolute()
    assert service["Environment"] == [f"COINGECKO_API_KEY_FILE=%d/{name}"]
    assert "PassEnvironment" not in service
    assert f"sudo install -m 600 /dev/stdin {source} " in OPERATIONS


def test_no_unit_in_the_docs_holds_a_key() -> None:
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), UNIT]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"^\s*Environment=.*(KEY|TOKEN|PASSWORD|SECRET)=", text, re.MULTILINE), page


def test_the_service_has_few_rights(service: dict[str, list[str]]) -> None:
    assert service["User"] == ["marketflows"]
    assert service["ProtectSystem"] == ["strict"]
    assert service["UMask"] == ["0077"]
    assert service["CapabilityBoundingSet"] == [""]
    assert service["ReadWritePaths"] == service["WorkingDirectory"]
    assert service["ReadOnlyPaths"] == ["/srv/marketflows/.venv /srv/marketflows/marketflows_pipeline"]
    for key in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateDevices", "RestrictSUIDSGID"):
        assert service[key] == ["yes"], key


def test_unit_and_make_start_the_guarded_page(service: dict[str, list[str]]) -> None:
    (start,) = service["ExecStart"]
    assert start == "/srv/marketflows/.venv/bin/marketflows-dev -h 127.0.0.1 -p 3000"
    assert "\tmarketflows-dev $(FLAGS)" in (ROOT / "Makefile").read_text(encoding="utf-8").replace("$(BIN)/", "")


def test_every_command_of_the_docs_starts_the_guarded_page() -> None:
    """`dagster dev` and `dagster-webserver` are named only to say that they are open."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        for line in text.splitlines():
            assert not re.search(r"bin/dagster(-webserver| dev)", line), (page, line)
    assert "plain `dagster dev` and `dagster-webserver` are **open to every page that you\nvisit**" in OPERATIONS


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd's own check")
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    text = UNIT.read_text(encoding="utf-8")
    # What it names is not on this machine.
    text = text.replace("/srv/marketflows/.venv/bin/marketflows-dev", "/bin/true").replace(
        "User=marketflows", "User=daemon"
    )
    copy = tmp_path / "marketflows.service"
    copy.write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert copy.name not in done.stderr
