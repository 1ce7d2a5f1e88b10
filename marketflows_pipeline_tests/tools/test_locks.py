"""The locks: every file by its hash, nothing that only one machine knows."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENTRY = re.compile(
    r"^([a-z0-9.-]+)==([^ ;]+)(?: ; (?:[^\\]+?))? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)

Lock = dict[tuple[str, str], frozenset[str]]


def lock(path: str) -> Lock:
    """Name and version to hashes."""
    text = (ROOT / path).read_text(encoding="utf-8")
    entries = {
        (name, version): frozenset(re.findall("[0-9a-f]{64}", hashes)) for name, version, hashes in ENTRY.findall(text)
    }
    assert len(entries) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    return entries


@pytest.fixture(scope="module")
def everything() -> Lock:
    return lock("requirements.lock")


@pytest.fixture(scope="module")
def image() -> Lock:
    return lock("deploy/requirements.lock")


def wanted(*groups: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["build"],
        *(each for group in groups for each in project["project"]["optional-dependencies"][group]),
    ]
    return {re.split(r"[\[<>=!~; ]", each)[0].lower() for each in asked}


def test_what_the_project_asks_for_is_locked_with_hashes(everything: Lock, image: Lock) -> None:
    assert wanted("dev", "deploy") <= {name for name, _ in everything}
    assert wanted("deploy") <= {name for name, _ in image}
    assert all(everything.values())


def test_the_image_has_the_same_files_without_what_only_development_needs(everything: Lock, image: Lock) -> None:
    names = {name for name, _ in image}
    assert {key: everything[key] for key in image} == image
    assert not names & {"pytest", "mypy", "ruff", "hypothesis"}


def test_the_tests_of_several_hosts_run_on_the_same_files_and_more(everything: Lock) -> None:
    cluster = lock("tools/cluster.lock")
    assert {key: cluster[key] for key in everything} == everything
    assert wanted("s3", "postgres", "lake", "cluster") - {"marketflows-pipeline"} <= {name for name, _ in cluster}
    engines = {name: version for name, version in cluster if name == "duckdb" or name.startswith("duckdb-extension")}
    assert len(engines) == 4
    assert len(set(engines.values())) == 1


def test_what_installs_the_rest_is_locked_too() -> None:
    ((name, _),) = lock("tools/uv.lock")
    assert name == "uv"


@pytest.mark.parametrize(
    "path", ["requirements.lock", "deploy/requirements.lock", "tools/cluster.lock", "tools/uv.lock"]
)
def test_a_lock_names_no_place(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert not re.search(r"://|^--(?!hash)|^-[a-z] ", text, re.MULTILINE)


def test_the_image_installs_by_hash() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert "\nARG LOCK=requirements.lock\n" in dockerfile
    assert 'pip install --require-hashes --no-deps --requirement "deploy/$LOCK"' in dockerfile
    assert "pip install --no-deps --no-build-isolation ." in dockerfile
