"""Attempts at requests between the moment before they are sent and the transaction that stores them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from marketflows_pipeline.errors import UnsafeFileError, WarehouseError
from marketflows_pipeline.warehouse.call_journal import Call, journal_path, left_over
from marketflows_pipeline.warehouse.store import Warehouse
from marketflows_pipeline_tests.warehouse.frames import HOUR, NOW

SENT = Call("a", NOW, "coingecko", "/ping", "/ping?x=\u2028'\"", 1, "run-1")
DONE = replace(SENT, status_code=200, outcome="ok", duration_ms=2.5)


def outcomes(path: Path) -> dict[str, str]:
    """As the next opener of the file finds them."""
    with Warehouse(path) as warehouse:
        return dict(warehouse.query("select call_id, outcome from meta.api_calls").iter_rows())


def left_by_a_kill(path: Path, *calls: Call, torn: bytes = b"") -> None:
    """Leave a journal beside the file, and the rows in it, as a kill right after their commit does."""
    with Warehouse(path) as warehouse:
        for call in calls:
            warehouse.calls.note(call)
        content = journal_path(path).read_bytes()
    journal_path(path).write_bytes(content + torn)


@pytest.mark.slow
def test_an_attempt_is_in_the_file_beside_before_anything_is_stored(private: Path) -> None:
    with Warehouse(private) as warehouse:
        warehouse.calls.note(SENT)

        assert b"/ping" in journal_path(private).read_bytes()
        assert journal_path(private).stat().st_mode & 0o777 == 0o600


def test_any_transaction_stores_what_is_pending_and_empties_the_journal(warehouse: Warehouse) -> None:
    warehouse.calls.note(SENT)
    warehouse.calls.note(DONE)
    with warehouse.transaction():
        pass

    assert warehouse.calls.is_empty
    assert journal_path(warehouse.path).read_bytes() == b""
    ((outcome, target),) = warehouse.query("select outcome, target from meta.api_calls").iter_rows()
    assert (outcome, target) == ("ok", SENT.target)


def test_a_transaction_that_fails_leaves_the_attempt_on_record(warehouse: Warehouse) -> None:
    warehouse.calls.note(SENT)
    with pytest.raises(RuntimeError), warehouse.transaction():
        raise RuntimeError

    assert not warehouse.calls.is_empty
    assert warehouse.read("meta.api_calls")["call_id"].to_list() == ["a"]


def test_an_outcome_after_its_attempt_was_stored_changes_that_row_alone(warehouse: Warehouse) -> None:
    warehouse.calls.note(replace(SENT, call_id="other", sent_at=NOW + HOUR))
    warehouse.calls.note(SENT)
    assert set(warehouse.read("meta.api_calls")["outcome"]) == {"sent"}
    warehouse.calls.note(DONE)

    stored = warehouse.read("meta.api_calls", columns=["call_id", "outcome"])
    assert dict(stored.iter_rows()) == {"other": "sent", "a": "ok"}


@pytest.mark.slow
def test_what_a_killed_run_left_is_stored_by_the_next_opener_once(private: Path) -> None:
    left_by_a_kill(private, SENT, replace(SENT, call_id="b"), DONE)

    assert outcomes(private) == {"a": "ok", "b": "sent"}
    assert outcomes(private) == {"a": "ok", "b": "sent"}
    assert not journal_path(private).exists()


@pytest.mark.slow
@pytest.mark.parametrize("torn", [b'{"call_id": "c", "se', b"\0\0\0", b"[]\n", b'{"call_id": "c"}\n'])
def test_a_line_that_a_power_cut_tore_costs_no_other_line(private: Path, torn: bytes) -> None:
    left_by_a_kill(private, SENT, torn=torn)

    assert outcomes(private) == {"a": "sent"}


@pytest.mark.slow
def test_a_line_that_a_full_disk_cut_off_costs_no_other_line(private: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt after it stood on the same line, and was not counted where that run was killed."""
    write = os.write

    def half(file: int, line: bytes) -> int:
        return write(file, line[: len(line) // 2])

    with Warehouse(private) as warehouse:
        monkeypatch.setattr(os, "write", half)
        with pytest.raises(WarehouseError, match="the disk is full"):
            warehouse.calls.note(SENT)
        monkeypatch.setattr(os, "write", write)
        warehouse.calls.note(replace(SENT, call_id="b"))
        content = journal_path(private).read_bytes()
    journal_path(private).write_bytes(content)

    assert {*left_over(private)} == {"b"}


def test_a_request_is_not_sent_where_the_journal_cannot_be_written(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda _file, line: len(line) - 1)

    with pytest.raises(WarehouseError, match="the disk is full"):
        warehouse.calls.note(SENT)
    assert warehouse.calls.is_empty


@pytest.mark.slow
def test_a_link_in_the_place_of_the_journal_is_not_written_through(private: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("kept")
    private.parent.mkdir(exist_ok=True)
    journal_path(private).symlink_to(other)
    with Warehouse(private) as warehouse:
        warehouse.calls.note(SENT)

    assert other.read_text() == "kept"
    assert outcomes(private) == {"a": "sent"}


def test_a_folder_in_its_place_is_named(private: Path) -> None:
    journal_path(private).mkdir(parents=True)

    with pytest.raises(UnsafeFileError, match=r"\.calls is a directory"):
        Warehouse(private)
