"""What docker-compose.yml promises: who writes, who is reachable, who is watched."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml  # type: ignore[import-untyped]

from marketflows_pipeline.web.hosts import LOOPBACK

ROOT = Path(__file__).parents[2]
STANDING = {"postgres", "code", "webserver", "daemon"}
PINNED = re.compile(r"[a-z0-9./-]+:[A-Za-z0-9._-]+@sha256:[0-9a-f]{64}")
Services = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> Services:
    found: Services = compose["services"]
    return found


def _mounts(service: dict[str, Any]) -> list[str]:
    """Each mount in its short form."""
    return [
        mount if isinstance(mount, str) else f"{mount['source']}:{mount['target']}"
        for mount in service.get("volumes", ())
    ]


def _members(services: Services, network: str) -> set[str]:
    return {name for name, service in services.items() if network in service["networks"]}


def test_the_code_server_is_the_one_standing_service_that_writes_the_warehouse(services: Services) -> None:
    writers = {
        name
        for name, service in services.items()
        if any(re.search(r"warehouse|\.marketflows", m) and not m.endswith(":ro") for m in _mounts(service))
    }
    assert writers & STANDING == {"code"}
    assert writers - STANDING == {"run"}
    assert services["run"]["profiles"] == ["run"]


def test_a_container_writes_where_it_must_and_nowhere_else(services: Services) -> None:
    """Whoever got into one could once replace the program in it, which the next start then ran."""
    files, warehouse = "/srv/dagster/files", "/srv/marketflows/warehouse"
    run = {
        "/tmp",
        warehouse,
        "/srv/marketflows/output_plots",
        "/srv/marketflows/report",
        "/srv/marketflows/.marketflows",
        files,
    }
    expected = {
        "postgres": {"/tmp", "/var/run/postgresql", "/var/lib/postgresql/data"},
        "storage": {"/tmp"},
        "code": run,
        "webserver": {"/tmp"},
        "daemon": {"/tmp"},
        "run": run,
    }
    written = {}
    for name, service in services.items():
        assert service["read_only"] is True, name
        mounted = {mount.split(":")[1] for mount in _mounts(service) if not mount.endswith(":ro")}
        written[name] = mounted | {each.split(":")[0] for each in service["tmpfs"]}
        assert all("size=" in each for each in service["tmpfs"]), name
    assert written == expected


def test_no_container_can_gain_rights(services: Services) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith(("0", "root")), name
        assert not {"privileged", "pid", "ipc", "network_mode", "devices"} & set(service), name
        assert not any("docker.sock" in mount for mount in _mounts(service)), name


def test_nothing_is_reachable_from_another_machine(services: Services) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == ["webserver"]
    assert all(port.startswith("127.0.0.1:") for port in ports["webserver"])


def test_networks_join_only_who_must_meet(compose: dict[str, Any], services: Services) -> None:
    """All containers once shared one network with a way out, Postgres and the code server's port among them."""
    networks = compose["networks"]
    assert {name for name in networks if (networks[name] or {}).get("internal")} == {"database", "calls"}
    assert services["postgres"]["networks"] == ["database"]
    assert _members(services, "database") == set(services)
    assert _members(services, "calls") == {"code", "webserver", "daemon"}
    assert _members(services, "internet") == {"code", "run"}
    assert _members(services, "page") == {"webserver"}
    # An internal network publishes no port; without masquerading this one leads nowhere either.
    assert networks["page"]["driver_opts"] == {"com.docker.network.bridge.enable_ip_masquerade": "false"}


def test_the_code_server_listens_in_the_network_of_page_and_daemon_only(services: Services) -> None:
    code = services["code"]
    (alias,) = code["networks"]["calls"]["aliases"]
    assert not code["networks"]["database"]
    assert not code["networks"]["internet"]
    assert alias not in services  # a service's own name is known in all of its networks
    listening = code["command"]
    assert listening[listening.index("-h") + 1] == alias
    checked = code["healthcheck"]["test"]
    assert checked[checked.index("-h") + 1] == alias
    workspace = yaml.safe_load((ROOT / "deploy/workspace.yaml").read_text(encoding="utf-8"))
    assert workspace["load_from"][0]["grpc_server"]["host"] == alias


def test_the_page_is_guarded_and_for_reading(services: Services) -> None:
    """Without it any page in the browser of the operator could start, delete and wipe."""
    assert services["webserver"]["command"][:2] == ["marketflows-webserver", "--read-only"]
    assert not [name for name, service in services.items() if "dagster-webserver" in str(service)]
    (asked,) = re.findall(r"'(http://[^']+)'", services["webserver"]["healthcheck"]["test"][-1])
    assert urlsplit(asked).hostname in LOOPBACK


def test_every_service_has_a_limit_of_memory_and_every_standing_one_a_health_check(services: Services) -> None:
    assert {name for name, service in services.items() if "mem_limit" in service} == set(services)
    assert {name for name, service in services.items() if "healthcheck" in service} == STANDING


def test_only_what_runs_the_pipeline_knows_the_key(services: Services) -> None:
    told = {name for name, service in services.items() if "coingecko_api_key" in service["secrets"]}
    assert told == {"code", "run"}
    for name in told:
        assert services[name]["environment"]["COINGECKO_API_KEY_FILE"] == "/run/secrets/coingecko_api_key"


def test_no_secret_is_in_an_environment(compose: dict[str, Any], services: Services) -> None:
    """Everybody who may inspect a container reads its environment."""
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search("KEY|PASSWORD|TOKEN|SECRET", name):
                assert name.endswith("_FILE"), name
                assert value.removeprefix("/run/secrets/") in service["secrets"], name
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"./deploy/secrets/{name}"}
    assert "deploy/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_variable_is_in_the_example_and_none_is_a_secret() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy/.env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    assert set(example) == used
    assert not [name for name in example if re.search("KEY|PASSWORD|TOKEN|SECRET", name)]


def test_images_are_taken_by_what_is_in_them(services: Services) -> None:
    """A tag is moved by whoever may write to its registry."""
    assert {service["image"] for service in services.values() if "build" not in service} == {
        services["postgres"]["image"]
    }
    assert PINNED.fullmatch(services["postgres"]["image"])
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    arguments = dict(re.findall(r"^ARG (\w+)=(\S+)$", dockerfile, re.MULTILINE))
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert set(bases) == {"${PYTHON_IMAGE}"}
    assert PINNED.fullmatch(arguments["PYTHON_IMAGE"])
    assert "--from=build" in dockerfile
    assert set(re.findall(r"--from=(\S+)", dockerfile)) == {"build"}


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
