"""What another page, a rebound name or another program of this machine can send, against the real server."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from marketflows_pipeline_tests.web.serving import JSON, Header, Page

# Changes the instance itself, so that it needs no pipeline; what it changed can be asked for.
MUTATION = 'mutation { setConcurrencyLimit(concurrencyKey: "planted", limit: 1) }'
STATE = "{ instance { concurrencyLimits { concurrencyKey } } }"
EVIL = "http://evil.example"
BODY = json.dumps({"query": MUTATION}).encode()


def is_untouched(page: Page) -> bool:
    limits = page.graphql(STATE)["instance"]["concurrencyLimits"]
    return "planted" not in {each["concurrencyKey"] for each in limits}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "path",
    [
        "/graphql",
        "/graphql/",
        "//graphql",
        "/graphq%6c",
        "/graphql%0a",
        "/GraphQL",
        "/x/../graphql",
        "/./graphql",
        "/a/prefix/graphql",
        "/a/prefix//graphql",
        "/graphql%00",
        "/graphql%5c",
    ],
)
def test_no_mutation_runs_by_get_however_the_path_is_written(page: Page, path: str, method: str) -> None:
    """``<img src=http://127.0.0.1:3000/graphql?query=mutation{...}>`` of any page once changed the instance."""
    reply = page.ask(f"{path}?query={quote(MUTATION)}", method=method)
    assert reply.status in {400, 405}
    assert is_untouched(page)


def test_not_even_a_question_is_answered_by_get(page: Page) -> None:
    assert page.ask("/graphql?query=%7Bversion%7D").status == 405
    assert page.ask("/graphql?query=%7Bversion%7D", ("Accept", "text/html")).status == 405


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_refused_and_no_preflight_is_granted(page: Page, method: str) -> None:
    preflight = (("Origin", page.origin), ("Access-Control-Request-Method", "POST"))
    reply = page.ask(f"/graphql?query={quote(MUTATION)}", *preflight, method=method)
    assert reply.status == 405
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert is_untouched(page)


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/plain;application/json",
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; a=application/json",
        "multipart/form-data; boundary=application/json",
        "application/graphql",
        "application/jsonp",
        "Application/JSON",
        "",
        None,
    ],
)
def test_a_body_that_a_form_of_another_page_can_send_is_refused(page: Page, content_type: str | None) -> None:
    """Dagster looks for the words "application/json" anywhere in the header, which ``text/plain`` can carry too."""
    headers = [] if content_type is None else [("Content-Type", content_type)]
    reply = page.ask(f"/graphql?query={quote(MUTATION)}", *headers, method="POST", body=BODY)
    assert reply.status == 415
    assert is_untouched(page)


def test_two_content_types_are_none(page: Page) -> None:
    reply = page.ask("/graphql", JSON, ("Content-Type", "text/plain"), method="POST", body=BODY)
    assert reply.status == 415
    assert is_untouched(page)


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
        "http://127.0.0.1:{port}/",
        "http://evil.example http://127.0.0.1:{port}",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_origin_gets_no_answer(page: Page, origin: str, method: str) -> None:
    """Another port is another page: a notebook server on the same machine, for instance."""
    asked = ("Origin", origin.format(port=page.port))
    target, body = ("/graphql", BODY) if method == "POST" else ("/server_info", None)
    assert page.ask(target, asked, JSON, method=method, body=body).status == 403
    assert is_untouched(page)


def test_two_origins_are_foreign(page: Page) -> None:
    both = (("Origin", page.origin), ("Origin", page.origin))
    assert page.ask("/graphql", *both, JSON, method="POST", body=BODY).status == 403
    assert is_untouched(page)


def test_a_batch_of_operations_runs_none(page: Page) -> None:
    page.ask("/graphql", JSON, ("Origin", page.origin), method="POST", body=b"[" + BODY + b"]")
    assert is_untouched(page)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost.evil.example",
        "127.0.0.1.evil.example:{port}",
        "127.0.0.2",
        "0.0.0.0:{port}",
        "[::]:{port}",
        "notlocalhost",
    ],
)
def test_a_foreign_name_gets_no_answer(page: Page, host: str) -> None:
    """A page whose name was rebound to 127.0.0.1 once read and changed all that the operator can."""
    host = host.format(port=page.port)
    own = ("Origin", f"http://{host}")  # to the browser it is all one origin
    assert page.ask(host=host).status == 421
    assert page.ask("/graphql", own, JSON, host=host, method="POST", body=BODY).status == 421
    assert page.ask("/", host=host).status == 421
    assert is_untouched(page)


@pytest.mark.parametrize(
    "host", ["", "localhost:", "localhost:http", "me@localhost", "localhost/", "localhost..", "[::1", "[1.2.3.4]", "*"]
)
def test_a_malformed_or_missing_host_gets_no_answer(page: Page, host: str) -> None:
    assert page.ask(host=host).status == 400


def test_two_hosts_get_no_answer(page: Page) -> None:
    assert page.ask("/server_info", ("Host", "evil.example")).status == 400
    assert page.ask("/server_info", ("Host", page.host), host="evil.example").status == 400


def test_a_whole_address_as_target_does_not_stand_in_for_the_host(page: Page) -> None:
    assert page.ask(f"http://127.0.0.1:{page.port}/server_info", host="evil.example").status == 421


@pytest.mark.parametrize(
    "path",
    [
        "report_asset_materialization/planted?metadata=%7B%7D",
        "report_asset_check/planted?check_name=c&passed=true",
        "report_asset_observation/planted",
    ],
)
def test_no_other_page_reports_events(page: Page, path: str) -> None:
    """These take their values from the address, with any content type that a form has none of."""
    assert page.ask(f"/{path}", ("Origin", EVIL), method="POST").status == 403
    assert page.ask(f"/{path}", method="POST").status == 415
    assert page.ask(f"/{path}", ("Content-Type", "text/plain"), method="POST", body=b"{}").status == 415
    assert page.ask(f"/{path}", JSON, host="evil.example", method="POST", body=b"{}").status == 421
    assert page.ask(f"/{path}").status == 200  # the page itself, which shows any address
    assert "planted" not in str(page.graphql("{ assetsOrError { ... on AssetConnection { nodes { key { path } } } } }"))


@pytest.mark.parametrize("path", ["/notebook?path=/tmp/x.ipynb&repoLocName=x", "/dagit/notebook?path=/tmp/x.ipynb"])
def test_no_notebook_becomes_a_page_of_this_origin(page: Page, path: str) -> None:
    assert page.ask(path).status == 404


@pytest.mark.parametrize(
    "path", ["/logs/../planted/toml", "/logs/..%2fplanted%2ftoml", "/logs/a/%2e%2e/../planted/toml"]
)
def test_a_log_is_no_way_to_other_files(page: Page, path: str) -> None:
    """The last two parts of the address become name and ending of the file that is sent."""
    assert page.ask(path).status == 400


@pytest.mark.parametrize("path", ["/", "/server_info", "/logs/run/compute_logs/x/err", "/download_debug/run", "/_next"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_no_other_page_embeds_or_loads_anything(page: Page, path: str, site: str) -> None:
    assert (
        page.ask(path, ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "image")).status
        == 403
    )
    assert (
        page.ask(path, ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")).status
        == 403
    )
    assert page.ask(path, ("Sec-Fetch-Site", site)).status == 403


def test_every_answer_forbids_framing_and_embedding(page: Page) -> None:
    """The page had no such header, so its buttons could be laid under another page's."""
    for reply in (page.ask("/"), page.ask("/runs"), page.ask("/graphql"), page.ask(host="evil.example")):
        assert reply.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert "script-src 'nonce-" in page.ask("/").headers["content-security-policy"]


@pytest.mark.parametrize(
    ("origin", "headers"),
    [
        (EVIL, ()),
        ("null", ()),
        (None, ()),
        ("http://localhost:{port}", ()),
        ("https://127.0.0.1:{port}", ()),
        ("ws://127.0.0.1:{port}", ()),
        ("http://127.0.0.1:{port}", (("Host", "evil.example"),)),
        ("http://127.0.0.1:{port}", (("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "websocket"))),
    ],
)
def test_no_other_page_opens_a_websocket(page: Page, origin: str | None, headers: tuple[Header, ...]) -> None:
    """Websockets know no same-origin rule of the browser: any page could listen to runs and their logs."""
    named = Origin(origin.format(port=page.port)) if origin else None
    address = f"ws://{page.host}/graphql"
    protocols = [Subprotocol("graphql-ws")]
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(address, origin=named, subprotocols=protocols, additional_headers=headers, proxy=None),
    ):
        pass
    assert refused.value.response.status_code == 403
