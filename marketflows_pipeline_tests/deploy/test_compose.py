"""What docker-compose.yml promises: who writes, who is reachable, who is watched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
STANDING = {"postgres", "code", "webserver", "daemon"}


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    found: dict[str, dict[str, Any]] = content["services"]
    return found


def _mounts(service: dict[str, Any]) -> list[str]:
    """Each mount in its short form."""
    return [
        mount if isinstance(mount, str) else f"{mount['source']}:{mount['target']}"
        for mount in service.get("volumes", ())
    ]


def test_the_code_server_is_the_one_standing_service_that_writes_the_warehouse(
    services: dict[str, dict[str, Any]],
) -> None:
    writers = {
        name
        for name, service in services.items()
        if any(re.search(r"warehouse|\.marketflows", m) and not m.endswith(":ro") for m in _mounts(service))
    }
    assert writers & STANDING == {"code"}
    assert writers - STANDING == {"run"}
    assert services["run"]["profiles"] == ["run"]


def test_nothing_is_reachable_from_another_machine(services: dict[str, dict[str, Any]]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["webserver"]
    assert all(port.startswith("127.0.0.1:") for port in ports["webserver"])


def test_every_service_has_a_limit_of_memory_and_every_standing_one_a_health_check(
    services: dict[str, dict[str, Any]],
) -> None:
    assert {name for name, service in services.items() if "mem_limit" in service} == set(services)
    assert {name for name, service in services.items() if "healthcheck" in service} == STANDING


def test_only_what_runs_the_pipeline_knows_the_key(services: dict[str, dict[str, Any]]) -> None:
    told = {name for name, service in services.items() if "COINGECKO_API_KEY" in service.get("environment", {})}
    assert told == {"code", "run"}


def test_every_variable_is_in_the_example_and_no_secret_has_a_value() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy/.env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert set(example) == used
    assert example["COINGECKO_API_KEY"] == example["POSTGRES_PASSWORD"] == ""


def test_the_image_is_made_of_files_that_exist() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored
