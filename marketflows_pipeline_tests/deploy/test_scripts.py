"""The two scripts of the containers: what is made before the first start, and how the password reaches Dagster."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
ENTRYPOINT = ROOT / "deploy/entrypoint.sh"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="containers and their host run sh")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    for name in ("prepare.sh", ".env.example"):
        shutil.copy(ROOT / "deploy" / name, tmp_path / "deploy")
    return tmp_path


def prepare(clone: Path) -> str:
    return subprocess.run(["sh", "deploy/prepare.sh"], cwd=clone, capture_output=True, text=True, check=True).stdout


def secret(clone: Path, name: str) -> str:
    return (clone / "deploy/secrets" / name).read_text()


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_everything_that_compose_mounts_is_made_for_the_user_alone(clone: Path) -> None:
    """A secret that is missing stops compose; one in a folder open to others is none."""
    said = prepare(clone)
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    for each in compose["secrets"].values():
        assert (clone / each["file"]).is_file()
        # The users in the containers are others than the owner.
        assert mode(clone / each["file"]) == 0o644
    assert mode(clone / "deploy/secrets") == 0o700
    assert (clone / "output_plots").is_dir()
    assert (clone / "report").is_dir()
    assert re.fullmatch("[0-9a-f]{48}\n", secret(clone, "postgres_password"))
    assert secret(clone, "coingecko_api_key") == "\n"
    assert "write your CoinGecko key into deploy/secrets/coingecko_api_key" in said.replace("Write", "write")
    assert f"MARKETFLOWS_UID={os.getuid()}\nMARKETFLOWS_GID={os.getgid()}\n" in (clone / ".env").read_text()


def test_a_second_time_changes_nothing(clone: Path) -> None:
    """Postgres takes its password once: a new one would lock Dagster out of its history."""
    prepare(clone)
    password = secret(clone, "postgres_password")
    (clone / "deploy/secrets/coingecko_api_key").write_text("CG-mine\n")
    (clone / ".env").write_text("MARKETFLOWS_PORT=3001\n")
    (clone / "deploy/secrets").chmod(0o755)
    assert prepare(clone) == ""
    assert secret(clone, "postgres_password") == password
    assert secret(clone, "coingecko_api_key") == "CG-mine\n"
    assert (clone / ".env").read_text() == "MARKETFLOWS_PORT=3001\n"
    assert mode(clone / "deploy/secrets") == 0o700


def test_secrets_of_an_older_installation_are_taken_over(clone: Path) -> None:
    (clone / ".env").write_text("COINGECKO_API_KEY=CG-old\r\nPOSTGRES_PASSWORD=a=b c&|/\\1\nMARKETFLOWS_UID=7\n")
    said = prepare(clone)
    assert secret(clone, "coingecko_api_key") == "CG-old\n"
    assert secret(clone, "postgres_password") == "a=b c&|/\\1\n"
    assert said == (
        "The secrets of .env are in deploy/secrets now: delete POSTGRES_PASSWORD and COINGECKO_API_KEY from .env.\n"
    )


def test_no_secret_is_printed(clone: Path) -> None:
    (clone / ".env").write_text("COINGECKO_API_KEY=CG-old\nPOSTGRES_PASSWORD=hunter2\n")
    said = prepare(clone)
    assert "CG-old" not in said
    assert "hunter2" not in said


def entry(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ENTRYPOINT), *command],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_command_finds_the_password_in_its_own_environment(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("a $b 'c\n")
    done = entry(
        "sh", "-c", 'printf %s "$DAGSTER_PG_PASSWORD|$0|$1"; exit 3', "x y", "*", DAGSTER_PG_PASSWORD_FILE=str(file)
    )
    assert (done.stdout, done.stderr, done.returncode) == ("a $b 'c|x y|*", "", 3)


def test_without_a_file_the_command_runs_as_it_is() -> None:
    assert entry("printenv", "DAGSTER_PG_PASSWORD", DAGSTER_PG_PASSWORD="set").stdout == "set\n"
    assert entry("echo", "hello").stdout == "hello\n"


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_without_a_password_nothing_is_started(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "password"
    if content is not None:
        file.write_text(content)
    done = entry("echo", "started", DAGSTER_PG_PASSWORD_FILE=str(file))
    assert done.returncode != 0
    assert done.stdout == ""
    assert str(file) in done.stderr


def test_the_image_starts_everything_through_it() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert "COPY deploy/entrypoint.sh /usr/local/bin/with-storage-password\n" in dockerfile
    assert 'ENTRYPOINT ["with-storage-password"]\n' in dockerfile
    assert mode(ENTRYPOINT) & 0o111
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    entries = {name: service["entrypoint"][0] for name, service in services.items() if "entrypoint" in service}
    assert set(entries.values()) == {"with-storage-password"}
    # What asks Dagster's storage needs it for its health check too, which passes no entry point.
    assert services["daemon"]["healthcheck"]["test"][:2] == ["CMD", "with-storage-password"]
