"""The fake is held to our schemas, and our schemas to the official description and to recorded answers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from marketflows_pipeline.clock import FixedClock
from marketflows_pipeline_tests.fakes.defillama.protocols import make_cast
from marketflows_pipeline_tests.fakes.defillama.service import FakeDefiLlama
from marketflows_pipeline_tests.fakes.generate import START
from marketflows_pipeline_tests.fakes.plain_http import plain_client
from marketflows_pipeline_tests.fakes.schemas import schema, validator

pytestmark = pytest.mark.slow

REAL = os.environ.get("MARKETFLOWS_REAL_DATA")
needs_real_data = pytest.mark.skipif(not REAL, reason="MARKETFLOWS_REAL_DATA names no folder with specs/ and data/")

DESCRIBED = {
    "llama_protocols": "/protocols",
    "llama_protocol": "/protocol/{protocol}",
    "llama_tvl": "/tvl/{protocol}",
}
CAST = make_cast(7, START, days=60, fillers=40)


def real(path: str) -> Path:
    assert REAL
    return Path(REAL) / path


@pytest.fixture(scope="module")
def official() -> Any:
    return json.loads(real("specs/defillama-free-openapi.json").read_text())


@pytest.fixture(scope="module")
def get() -> Iterator[httpx.Client]:
    with FakeDefiLlama(CAST, clock=FixedClock(START)) as service, plain_client(base_url=service.url) as client:
        yield client


@pytest.mark.parametrize("name", [*DESCRIBED, "llama_cexs"])
def test_the_schemas_are_schemas(name: str) -> None:
    validator(schema(name)).check_schema(schema(name))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("llama_protocols", "/protocols"),
        ("llama_cexs", "/cexs"),
        ("llama_tvl", "/tvl/okx"),
        *(("llama_protocol", f"/protocol/{protocol.slug}") for protocol in CAST.protocols[:27]),
    ],
)
def test_every_answer_of_the_fake_has_its_shape(get: httpx.Client, name: str, path: str) -> None:
    answer = get.get(path)

    assert answer.status_code == 200
    validator(schema(name)).validate(answer.json())


@needs_real_data
@pytest.mark.parametrize("name", DESCRIBED)
def test_the_schemas_know_all_that_is_described_and_of_the_same_kind(name: str, official: Any) -> None:
    theirs = _described(official, DESCRIBED[name])
    ours = schema(name)

    assert _kinds(theirs) <= _kinds(ours)
    described = theirs.get("items", theirs).get("properties", {})
    known = ours.get("items", ours).get("properties", {})
    assert set(described) <= set(known)
    for key, value in described.items():
        assert _kinds(value) <= _kinds(known[key]), key


@needs_real_data
@pytest.mark.parametrize("name", DESCRIBED)
def test_where_nothing_is_missing_the_fake_keeps_to_the_official_description(
    get: httpx.Client, official: Any, name: str
) -> None:
    body = get.get(DESCRIBED[name].replace("{protocol}", "okx")).json()
    if name == "llama_protocols":
        # The description has no nulls, which were seen.
        body = [row for row in body if None not in (row["tvl"], row["category"], row["change_1d"], row["change_7d"])]

    assert body
    validator(_described(official, DESCRIBED[name])).validate(body)


@needs_real_data
def test_recorded_rows_of_exchanges_have_the_shape_of_our_schema() -> None:
    recorded = json.loads(real("data/recorded/defillama/cexs_rows_2026-08-10.json").read_text())

    validator(schema("llama_cexs")).validate({key: recorded[key] for key in ("cexs", "cg_volume_cexs")})


@needs_real_data
def test_recorded_rows_of_protocols_have_the_shape_of_our_schema() -> None:
    recorded = json.loads(real("data/recorded/defillama/protocols_rows_2026-05.json").read_text())
    described = schema("llama_protocols")

    for row in recorded:
        validator(described).validate([row])


@needs_real_data
@pytest.mark.parametrize(
    ("path", "recorded", "key"),
    [("/cexs", "cexs_rows_2026-08-10.json", "cexs"), ("/protocols", "protocols_rows_2026-05.json", None)],
)
def test_the_fake_has_every_recorded_key_with_a_kind_that_was_seen(
    get: httpx.Client, path: str, recorded: str, key: str | None
) -> None:
    theirs = json.loads(real(f"data/recorded/defillama/{recorded}").read_text())
    ours = get.get(path).json()
    seen, shown = _kinds_by_key(theirs[key] if key else theirs), _kinds_by_key(ours[key] if key else ours)

    assert set(seen) <= set(shown)
    for name in seen:
        assert seen[name] & shown[name], name


def _described(official: Any, path: str) -> Any:
    return official["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


def _kinds(described: Any) -> set[str]:
    kinds = described.get("type", [])
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    return found | {"number"} if "integer" in found else found


def _kinds_by_key(rows: list[dict[str, Any]]) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = {}
    for row in rows:
        for key, value in row.items():
            kind = "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
            kinds.setdefault(key, set()).add(kind)
    return kinds
