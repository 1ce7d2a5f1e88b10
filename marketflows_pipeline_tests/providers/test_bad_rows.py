"""One bad row never spoils an answer, and too many of them do."""

from __future__ import annotations

import logging

import pytest

from marketflows_pipeline.providers.bad_rows import BadRows, UntimelyError, counting_left_out
from marketflows_pipeline.providers.http.responses import ParseError
from marketflows_pipeline.providers.parsing import Figure, Row, parse_list, parse_row


class Coin(Row):
    optional = ("rank",)
    cap: Figure
    rank: Figure = None
    at: str = ""


def read(row: object, nulls: list[ParseError]) -> float:
    coin = parse_row(row, Coin, nulls)
    if coin.at == "later":
        raise UntimelyError("`at` is later than now")
    return coin.cap or 0.0


def rows(n_good: int, *bad: object) -> list[object]:
    return [*({"id": f"coin-{at}", "cap": 1.0} for at in range(n_good)), *bad]


def accept(body: object) -> list[float]:
    return parse_list(body, read, what="test /rows")


TEXT = {"id": "odd", "cap": "123"}
LATER = {"id": "odd", "cap": 1, "at": "later"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (TEXT, "row 3 (odd): `cap`: expected `float | null`, found str '123'"),
        ({"id": "odd", "cap": True}, "row 3 (odd): `cap`: expected `float | null`, found bool 'True'"),
        ({"id": "odd", "cap": {}}, "row 3 (odd): `cap`: expected `float | null`, found an object with keys []"),
        ({"id": "odd", "cap": float("nan")}, "row 3 (odd): `cap` should be a finite number, found nan"),
        (
            {"id": "odd", "cap": 10**400},
            "row 3 (odd): `cap`: number out of range, found a number of more than 30 digits",
        ),
        ({"id": "odd"}, "row 3 (odd): missing field `cap`"),
        ({}, "row 3: missing field `cap`"),
        ({"id": "\ud800\n"}, "row 3: missing field `cap`"),
        (None, "row 3: expected `object`, got `null`"),
        ([1], "row 3: expected `object`, got `array`"),
        (LATER, "row 3 (odd): `at` is later than now"),
    ],
)
def test_a_bad_row_is_left_out_and_named_in_one_warning(
    row: object, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One cap of text among 250 coins once stopped every hour."""
    with caplog.at_level(logging.WARNING):
        assert accept(rows(3, row)) == [1.0] * 3
    assert caplog.messages == [f"test /rows: 1 of 4 rows left out: {said}"]


def test_the_first_few_are_named_and_the_rest_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert len(accept(rows(95, *[TEXT] * 5))) == 95
    (line,) = caplog.messages
    assert line.startswith("test /rows: 5 of 100 rows left out: row 95 (odd): ")
    assert line.count("(odd)") == 3
    assert line.endswith("; and 2 more")


def test_a_field_that_only_describes_is_null_and_its_row_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert accept(rows(1, {"id": "odd", "cap": 2.0, "rank": "first"})) == [1.0, 2.0]
    assert caplog.messages == [
        "test /rows: 1 values read as null: row 1 (odd): `rank`: expected `float | null`, found str 'first'"
    ]


@pytest.mark.parametrize(("n_good", "n_bad"), [(0, 1), (1, 1), (3, 1), (38, 2), (95, 5)])
def test_up_to_one_row_or_one_in_twenty_may_be_malformed(n_good: int, n_bad: int) -> None:
    assert len(accept(rows(n_good, *[TEXT] * n_bad))) == n_good


@pytest.mark.parametrize(("n_good", "n_bad"), [(0, 2), (1, 2), (37, 2), (94, 6)])
def test_beyond_that_the_answer_is_wrong_and_the_first_fault_and_the_share_are_said(n_good: int, n_bad: int) -> None:
    with pytest.raises(ParseError) as refusal:
        accept(rows(n_good, *[TEXT] * n_bad))
    said = (
        f"{n_bad} of {n_good + n_bad} rows are malformed, more than 5%; the first: row {n_good} (odd): `cap`: expected"
    )
    assert str(refusal.value).startswith(said)


def test_half_of_the_rows_may_be_untimely_and_not_more() -> None:
    """An answer in seconds where milliseconds are documented was once stored as 1970, point by point."""
    assert len(accept(rows(3, *[LATER] * 3))) == 3
    with pytest.raises(ParseError, match="4 of 7 rows have an impossible time, more than half; the first: row 3"):
        accept(rows(3, *[LATER] * 4))


@pytest.mark.parametrize("fault", [ParseError("odd"), UntimelyError("later")])
def test_a_history_of_which_nothing_is_left_is_no_answer_and_a_list_of_one_may_be_empty(fault: ParseError) -> None:
    """Else the window of a coin would count as complete, and never be asked for again."""
    left_out = BadRows("test history")
    left_out.add(0, "point 0", fault)
    with pytest.raises(ParseError, match="1 of 1 rows"):
        left_out.check_share(1)

    left_out.check_share(1, is_of_many=True)


def test_what_is_left_out_is_counted_by_reason_in_every_block_around(caplog: pytest.LogCaptureFixture) -> None:
    with counting_left_out() as outer:
        accept(rows(3, TEXT))
        with counting_left_out() as inner:
            accept(rows(3, LATER))
        with pytest.raises(ParseError):
            accept(rows(0, TEXT, TEXT))
    accept(rows(3, TEXT))

    assert inner == {"untimely": 1}
    assert outer == {"malformed": 1, "untimely": 1}
    assert len(caplog.messages) == 3


@pytest.mark.parametrize("body", [None, {}, {"rows": []}, "rows", 1])
def test_what_is_no_list_is_no_answer(body: object) -> None:
    with pytest.raises(ParseError, match="expected a list, found"):
        accept(body)


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        ("bitcoin", "row 7 (bitcoin)"),
        ("", "row 7"),
        (5, "row 7"),
        (None, "row 7"),
        ("a\nb", "row 7"),
        ("\ud800", "row 7"),
    ],
)
def test_a_row_goes_by_its_number_and_its_name_where_that_is_legible(
    identity: object, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    accept(rows(7, {"id": identity}))
    (line,) = caplog.messages
    assert line.startswith(f"test /rows: 1 of 8 rows left out: {name}: missing field")
