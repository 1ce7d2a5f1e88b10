"""What the page and its friends send is answered as without the guard."""

from __future__ import annotations

import json
import re

import pytest
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from marketflows_pipeline_tests.web.serving import JSON, Page

TYPED = (("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))
LINK = (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document"))


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "localhost.:{port}", "[::1]:1"])
def test_the_names_of_this_machine_are_answered_on_any_port(page: Page, host: str) -> None:
    """A tunnel may give the page another port."""
    assert page.ask(host=host.format(port=page.port)).status == 200


def test_the_page_and_its_scripts_load(page: Page) -> None:
    for headers in ((), TYPED, LINK):
        opened = page.ask("/", ("Accept", "text/html"), *headers)
        assert opened.status == 200
        assert b"<html" in opened.body
    (script, *_) = re.findall(rb'src="(/_next/[^"]+\.js)"', opened.body)
    loaded = page.ask(script.decode(), ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Dest", "script"))
    assert loaded.status == 200
    assert "javascript" in loaded.headers["content-type"]
    assert page.ask("/runs/some/deep?q=link", *LINK).status == 200


def test_the_page_asks_and_changes_by_post(page: Page) -> None:
    assert page.graphql("{ version }")["version"]
    assert page.graphql('mutation { setConcurrencyLimit(concurrencyKey: "mine", limit: 2) }') == {
        "setConcurrencyLimit": True
    }
    limits = page.graphql("{ instance { concurrencyLimits { concurrencyKey } } }")["instance"]["concurrencyLimits"]
    assert {"concurrencyKey": "mine"} in limits


def test_a_program_asks_without_naming_a_page(page: Page) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8"):
        body = json.dumps({"query": "{ version }"}).encode()
        assert page.ask("/graphql", ("Content-Type", content_type), method="POST", body=body).status == 200
    reported = page.ask("/report_asset_materialization/mine", JSON, method="POST", body=b"{}")
    assert reported.status == 200


def test_the_page_follows_runs_by_websocket(page: Page) -> None:
    with connect(
        f"ws://{page.host}/graphql",
        origin=Origin(page.origin),
        subprotocols=[Subprotocol("graphql-ws")],
        proxy=None,
    ) as socket:
        socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert json.loads(socket.recv())["type"] == "connection_ack"
        query = (
            'subscription { pipelineRunLogs(runId: "none") { ... on PipelineRunLogsSubscriptionFailure { message } } }'
        )
        socket.send(json.dumps({"type": "start", "id": "1", "payload": {"query": query}}))
        answer = json.loads(socket.recv())
        assert answer["type"] == "data"
        assert "none" in answer["payload"]["data"]["pipelineRunLogs"]["message"]
