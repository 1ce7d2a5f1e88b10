"""Bodies unpacked piece by piece, and no further than they may be long."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.providers.http.decompression import PIECE_BYTES, beginning, decompressed
from marketflows_pipeline.providers.http.responses import FailedResponseError, ParseError


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(1, 50), st.integers(0, 3))
def test_gzip_of_any_members_comes_out_as_it_went_in_however_it_is_cut(
    members: list[bytes], size: int, n_padding: int
) -> None:
    packed = b"".join(map(gzip.compress, members)) + bytes(n_padding)

    assert b"".join(decompressed(cut(packed, size), "gzip", 10_000)) == b"".join(members)


@pytest.mark.parametrize("encoding", ["", "identity", " Identity ", "gzip", "x-gzip", "GZIP"])
def test_what_just_fits_is_taken_and_a_byte_more_is_not(encoding: str) -> None:
    content = gzip.compress(bytes(1000)) if "gzip" in encoding.lower() else bytes(1000)

    assert b"".join(decompressed([content], encoding, 1000)) == bytes(1000)
    with pytest.raises(ParseError, match="more than 999 bytes"):
        list(decompressed([content], encoding, 999))


def test_one_chunk_of_the_line_never_becomes_more_than_a_piece_at_once() -> None:
    """A chunk of 64 KB was unpacked to 64 MB before anybody looked at its size."""
    assert max(map(len, decompressed([gzip.compress(bytes(10_000_000))], "gzip", 1 << 26))) <= PIECE_BYTES


@pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "gzip,identity", "\x1b[31m"])
def test_what_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(ParseError, match=r"content-encoding .* which was not requested"):
        list(decompressed([b"{}"], encoding, 1000))
    assert beginning([b"{}"], encoding, 1000) == b""


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"x" * 1000)[:-9], gzip.compress(b"{}") + b"rest"],
    ids=["none", "truncated", "with a rest"],
)
def test_gzip_that_is_none_or_does_not_end_is_worth_asking_again(content: bytes) -> None:
    with pytest.raises(FailedResponseError) as refused:
        list(decompressed([content], "gzip", 10_000))
    assert refused.value.classification.is_transient


def test_of_an_error_the_beginning_is_enough() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x" * 600
        yield b"y" * 600
        raise AssertionError("the rest is not read")

    assert beginning(pieces(), "", 1000) == b"x" * 600 + b"y" * 400
