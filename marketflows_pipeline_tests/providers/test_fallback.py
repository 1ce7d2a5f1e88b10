"""Who is asked, in which order, and what is told when nobody answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from marketflows_pipeline.errors import (
    CreditsExhaustedError,
    MarketflowsError,
    NotFoundError,
    PermanentProviderError,
    TransientProviderError,
    UnexpectedResponseError,
)
from marketflows_pipeline.providers.fallback import first_that_answers


@dataclass
class Oracle:
    name: str
    fault: MarketflowsError | None = None
    asked: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        self.asked.append(question)
        if self.fault:
            raise self.fault
        return f"{self.name} says"


def asked(oracle: Oracle) -> str:
    return oracle.ask("why")


def test_the_first_answers_and_nobody_else_is_asked() -> None:
    first, second = Oracle("first"), Oracle("second")

    assert first_that_answers([first, second], asked) == "first says"
    assert (first.asked, second.asked) == (["why"], [])


@pytest.mark.parametrize(
    "kind", [TransientProviderError, UnexpectedResponseError, PermanentProviderError, NotFoundError]
)
def test_the_next_is_asked_where_one_fails_and_the_log_names_it(
    kind: type[TransientProviderError | PermanentProviderError], caplog: pytest.LogCaptureFixture
) -> None:
    first = Oracle("first", kind("first /x: no", provider="first"))

    assert first_that_answers([first, Oracle("second")], asked) == "second says"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "first failed, falling back to the next provider: first /x: no")
    ]


@pytest.mark.parametrize(
    ("kinds", "raised"),
    [
        ([NotFoundError, TransientProviderError], 1),
        ([TransientProviderError, NotFoundError], 0),
        ([UnexpectedResponseError, NotFoundError], 0),
        ([UnexpectedResponseError, TransientProviderError, NotFoundError], 1),
        ([PermanentProviderError, NotFoundError], 1),
    ],
)
def test_of_several_failures_the_most_hopeful_is_raised_and_else_the_last(
    kinds: list[type[TransientProviderError | PermanentProviderError]], raised: int
) -> None:
    """Yahoo was away and the own folder had no file: the asset rested for a day, as not found."""
    faults = [kind("no", provider=str(place)) for place, kind in enumerate(kinds)]

    with pytest.raises(kinds[raised]) as failure:
        first_that_answers([Oracle(fault.provider, fault) for fault in faults], asked)

    assert failure.value is faults[raised]


def test_an_answer_that_the_question_refuses_is_none() -> None:
    def picky(oracle: Oracle) -> str:
        if oracle.name == "first":
            raise UnexpectedResponseError("too short", provider=oracle.name)
        return oracle.ask("why")

    assert first_that_answers([Oracle("first"), Oracle("second")], picky) == "second says"


@pytest.mark.parametrize("fault", [CreditsExhaustedError("used up"), MarketflowsError("ours")])
def test_what_is_no_provider_s_failure_is_raised_at_once(fault: MarketflowsError) -> None:
    second = Oracle("second")

    with pytest.raises(type(fault)):
        first_that_answers([Oracle("first", fault), second], asked)

    assert second.asked == []


def test_nobody_to_ask_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no provider"):
        first_that_answers([], asked)
