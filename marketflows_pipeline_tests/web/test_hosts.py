"""What counts as a name of the page."""

from __future__ import annotations

import pytest

from marketflows_pipeline.errors import UserInputError
from marketflows_pipeline.web.hosts import LOOPBACK, host_name, served_hosts


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:3000", "localhost"),
        ("flows.example.org.:443", "flows.example.org"),
        ("127.0.0.1:65535", "127.0.0.1"),
        ("[::1]:3000", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("[2001:DB8::7]", "[2001:db8::7]"),
    ],
)
def test_a_name_is_read_without_port_dot_and_case(header: str, name: str) -> None:
    assert host_name(header) == name


MALFORMED = ["", " ", ".", "*", "a..", ".a", "a:", ":1", "a:b", "a:123456", "a b", "a,b", "a@b", "a/b", "*.a.org"]
MALFORMED += ["::1", "[::1", "[::g]", "[::1%lo]", "[127.0.0.1]", "lo\u212aalhost", "localhost\n", "localhost\x00"]


@pytest.mark.parametrize("header", MALFORMED)
def test_anything_else_is_no_name(header: str) -> None:
    assert host_name(header) is None


def test_listed_names_are_served_beside_those_of_this_machine() -> None:
    assert served_hosts("") == served_hosts(" , ") == LOOPBACK
    assert served_hosts("Flows.Example.org, 192.0.2.7,[2001:DB8::7]") == LOOPBACK | {
        "flows.example.org",
        "192.0.2.7",
        "[2001:db8::7]",
    }


@pytest.mark.parametrize("listed", ["*", "*.example.org", "http://a", "a:3000", "[::1]:3000", "a b", "a/b"])
def test_what_is_no_name_is_refused_in_one_line(listed: str) -> None:
    """A wildcard would bring back the names that an attacker chooses."""
    with pytest.raises(UserInputError, match=r"^environment: MARKETFLOWS_WEB_HOSTS = .*: expected names .*$"):
        served_hosts(f"good.example, {listed}")
