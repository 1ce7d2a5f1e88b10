"""Which uploaded versions stay: the published one, the newest, the young, and what is not ours."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketflows_pipeline.object_storage.objects import Stored
from marketflows_pipeline.object_storage.pointer import VERSIONS, Pointer, Published
from marketflows_pipeline.object_storage.upload import remembered, to_delete
from marketflows_pipeline_tests.object_storage.test_pointer import NOW, POINTER

DAY = timedelta(days=1)


def key(number: int) -> str:
    return f"{VERSIONS}/marketflows.{number:06d}.20261120T180000Z.run.duckdb"


def stored(number: int, hours_ago: float) -> Stored:
    return Stored(key(number), 1, NOW - timedelta(hours=hours_ago), "")


def pointer(number: int, *earlier: int) -> Pointer:
    known = tuple(Published(key=key(each), published_at=NOW) for each in earlier)
    return POINTER.model_copy(update={"key": key(number), "earlier": known})


def deleted(listed: list[Stored], to: Pointer, keep_versions: int = 2) -> list[str]:
    return to_delete(listed, to, NOW, keep_versions=keep_versions, kept_for=DAY)


def test_versions_older_than_a_day_go_but_for_the_newest_two() -> None:
    listed = [stored(1, 60), stored(2, 50), stored(3, 40), stored(4, 30)]
    assert deleted(listed, pointer(4, 3, 2, 1)) == [key(1), key(2)]


def test_a_young_version_stays_however_many_there_are() -> None:
    listed = [stored(n, 24 - n) for n in range(1, 20)]
    assert deleted(listed, pointer(19, *range(18, 0, -1))) == []
    assert deleted([stored(1, 24.0), *listed[1:]], pointer(19)) == []
    assert deleted([stored(1, 24.1), *listed[1:]], pointer(19)) == [key(1)]


def test_the_published_version_stays_however_old() -> None:
    listed = [stored(1, 900), stored(2, 40), stored(3, 30), stored(4, 29)]
    assert deleted(listed, pointer(1)) == [key(2)]


def test_what_was_never_published_takes_the_place_of_no_version_that_was() -> None:
    """Two uploads that were killed once stood for the two newest, and readers lost the version before."""
    listed = [stored(1, 90), stored(2, 80), stored(3, 70), stored(4, 60), stored(5, 30)]
    assert deleted(listed, pointer(5, 2, 1)) == [key(1), key(3)]


def test_where_the_pointer_was_lost_the_newest_uploads_stay() -> None:
    listed = [stored(1, 90), stored(2, 80), stored(3, 70)]
    assert deleted(listed, pointer(3)) == [key(1)]


def test_what_this_program_does_not_name_stays() -> None:
    others = [
        Stored(name, 1, NOW - 900 * DAY, "")
        for name in ("latest.json", f"{VERSIONS}/mine.duckdb", f"other/{key(1)}", f"{key(1)}.bak", f"{VERSIONS}/../a")
    ]
    assert deleted([*others, stored(2, 1)], pointer(2)) == []


def test_the_next_pointer_remembers_what_is_still_there() -> None:
    assert remembered(None, {key(1)}) == ()
    known = remembered(pointer(3, 2, 1), {key(3), key(1)})
    assert [each.key for each in known] == [key(3), key(1)]


@given(
    st.dictionaries(st.integers(1, 30), st.floats(0, 100), min_size=1),
    st.lists(st.integers(1, 30), unique=True),
    st.integers(2, 6),
)
def test_no_reader_loses_what_it_may_be_reading(ages: dict[int, float], earlier: list[int], keep: int) -> None:
    published = max(ages)
    to = pointer(published, *earlier)
    gone = set(deleted([stored(n, age) for n, age in ages.items()], to, keep))
    left = {key(n) for n in ages} - gone
    assert key(published) in left
    assert all(key(n) in left for n, age in ages.items() if age <= 24)
    assert len(left) >= min(keep, len(ages))
    linked = [key(n) for n in [published, *earlier] if n in ages]
    assert set(linked[:keep]) <= left
    assert gone == set(deleted([stored(n, age) for n, age in ages.items()], to, keep))
