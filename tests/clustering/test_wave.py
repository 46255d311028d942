"""A wave is asked at once and settled the same way at any speed; who resembles an issue founded in it is found by the answers."""

from concurrent.futures import Future
from typing import Any

import pytest

from clustering.answers import DecisionAnswer
from clustering.candidates import Candidates
from clustering.question import Verdict
from clustering.wave import RESEMBLES, Asking, Founded, Question, Wave, at_once, usable
from common.errors import Stopped
from common.pool import WorkerPool
from knowledge.base import KnowledgeBase
from knowledge.issue import Card, Issue
from llm.protocol import AnswerUnusable, BudgetReached, ContextTooLong
from prompts_config import Prompts
from testing.scripted_model import ScriptedModel, backwards, by_ticket, decision, latency, talk


def wave_over(model: ScriptedModel, *issues: Issue, submit: Any = at_once) -> Wave:
    known = Candidates(KnowledgeBase({issue.issue_id: issue for issue in issues}), conversation_of=lambda _ticket_id: None)
    return Wave(known, Asking(model.ask, Prompts(), submit))


def new(category: str, description: str = "", **options: Any) -> Verdict:
    card = Card(category, description)
    return Verdict(DecisionAnswer(None, 0.9, card, (), **options), 0.9, (), (), card)


vector = Candidates(KnowledgeBase(), conversation_of=lambda _ticket_id: None).weigher()


def test_all_tickets_see_the_issues_as_they_stood() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: decision(), 3: decision("ISSUE-9")}))
    wave = wave_over(model, Issue("ISSUE-9", Card("Oven")))
    asked = [wave.begin(talk(number, "The lid leaks"), leaving=set()) for number in (1, 2, 3)]
    assert wave.settle() is None
    assert model.offers() == [(1, ["ISSUE-9"]), (2, ["ISSUE-9"]), (3, ["ISSUE-9"])]
    assert [question.says_new for question in asked] == [True, True, False]


def test_an_issue_that_is_held_back_or_about_to_be_emptied_is_not_offered() -> None:
    model = ScriptedModel(by_ticket({1: decision()}))
    wave = wave_over(
        model,
        Issue("ISSUE-7", Card("Lid"), held_back="ISSUE-9", tickets=[7]),
        Issue("ISSUE-8", Card("Lid"), tickets=[8]),
        Issue("ISSUE-9", Card("Oven")),
    )
    wave.begin(talk(1, "Lid"), leaving={8})
    assert model.offers() == [(1, ["ISSUE-9"])]


def test_failures_and_cut_off_questions_are_told_apart() -> None:
    model = ScriptedModel(by_ticket({1: AnswerUnusable("refused"), 2: BudgetReached("no more"), 3: decision("UNCLEAR")}))
    wave = wave_over(model)
    failed, cut, unclear = [wave.begin(talk(number, "x"), leaving=set()) for number in (1, 2, 3)]
    assert str(wave.settle()) == "no more"
    assert (failed.failure, failed.cut_off, failed.says_new) == ("refused", False, False)
    assert (cut.failure, cut.cut_off) == ("", True)
    assert (unclear.says_new, unclear.cut_off) == (False, False)


@pytest.mark.parametrize("trouble", [AnswerUnusable("refused"), BudgetReached("no more")], ids=["unusable", "budget"])
def test_a_ticket_that_was_put_off_and_gets_no_second_answer_has_its_first(trouble: Exception) -> None:
    wave, first = wave_over(ScriptedModel(by_ticket({1: trouble}))), new("Lid leaks")
    question = wave.begin(talk(1, "x"), leaving=set(), before=first)
    wave.settle()
    assert (question.verdict, question.failure, question.cut_off) == (first, "", False)


def test_what_ends_the_run_is_raised() -> None:
    wave = wave_over(ScriptedModel(by_ticket({1: Stopped("bad key")})))
    wave.begin(talk(1, "x"), leaving=set())
    with pytest.raises(Stopped, match="bad key"):
        wave.settle()


@pytest.mark.parametrize("seed", range(3))
def test_the_outcome_does_not_depend_on_threads_and_latency(seed: int) -> None:
    pool = WorkerPool(8, name="test")
    answers = {number: decision(None, 0.9, category=f"Thing {number}") for number in range(1, 9)}
    try:
        wave = wave_over(ScriptedModel(by_ticket(answers), pause=latency(seed)), submit=pool.submit)
        asked = [wave.begin(talk(number, "x"), leaving=set()) for number in answers]
        wave.settle()
    finally:
        pool.close()
    assert [question.verdict.card.category for question in asked if question.verdict] == [f"Thing {number}" for number in answers]


def test_questions_may_be_worked_off_in_any_order() -> None:
    submit, work_off = backwards()
    wave = wave_over(ScriptedModel(by_ticket({1: decision(), 2: decision("UNCLEAR")})), submit=submit)
    asked = [wave.begin(talk(number, "x"), leaving=set()) for number in (1, 2)]
    work_off()
    wave.settle()
    assert [question.says_new for question in asked] == [True, False]


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        pytest.param(("Lid leaks", "The lid leaks."), ("Lid leaks", "Water leaks from the lid."), True, id="one problem"),
        pytest.param(("Lid leaks", "The lid leaks."), ("Oven cold", "The oven stays cold."), False, id="two problems"),
        pytest.param(("Lid leaks", ""), ("", ""), False, id="no words"),
    ],
)
def test_answers_are_alike_by_the_words_of_category_and_description(first: Any, second: Any, alike: bool) -> None:
    founded = Founded(vector)
    assert not founded.resembles(new(*first), "Hello"), "nothing was founded yet"
    founded.add(new(*first), "Hello")
    assert founded.resembles(new(*second), "") is alike


@pytest.mark.parametrize(
    ("answer", "said", "alike"),
    [
        pytest.param(
            "Seal of lid, cover, hinge, handle, spout, base, cord, plug, foot, rim",
            "Hello, water drips from the lid of my kettle",
            True,
            id="both a bit",
        ),
        pytest.param(
            "Seal of lid, cover, hinge, handle, spout, base, cord, plug, foot, rim",
            "Hello, the invoice came twice",
            False,
            id="answers a bit",
        ),
        pytest.param("Something else", "The kettle drips, water at the lid", False, id="another answer"),
    ],
)
def test_what_customers_said_counts_where_answers_are_alike_a_bit(answer: str, said: str, alike: bool) -> None:
    founded = Founded(vector)
    founded.add(new("Seal worn"), "The kettle drips, water at the lid")
    assert founded.resembles(new(answer), said) is alike


def test_with_a_closed_list_the_descriptions_alone_are_compared() -> None:
    for names_tell in (True, False):
        founded = Founded(vector, names_tell=names_tell)
        founded.add(new("Lid leaks", "Water comes out."), "")
        assert founded.resembles(new("Lid leaks", "Steam stays in."), "") is names_tell


def test_what_shared_words_find_is_what_comparing_every_pair_finds() -> None:
    said = [new("", " ".join(f"w{(number * step) % 11}" for step in range(1, 7))) for number in range(1, 40)]
    founded = Founded(vector)
    for place, verdict in enumerate(said):
        texts = [vector(f"\n{other.answer.card.short_description}") for other in said[: place + 1]]
        cosines = [sum(value * texts[-1].get(word, 0.0) for word, value in text.items()) for text in texts[:-1]]
        assert founded.resembles(verdict, "") is any(value >= RESEMBLES for value in cosines)
        founded.add(verdict, "")


def test_usable_answers_keep_their_places() -> None:
    troubles: list[str] = []
    calls: list[Any] = [7, AnswerUnusable("refused"), ContextTooLong("too long"), BudgetReached("no more"), 8]

    def future(value: Any) -> "Future[int]":
        return at_once(lambda: value if isinstance(value, int) else _raise(value))

    found, ended = usable([future(value) for value in calls], lambda error: troubles.append(str(error)))
    assert (found, str(ended), troubles) == ([7, None, None, None, 8], "no more", ["refused", "too long"])


def _raise(error: Exception) -> Any:
    raise error


def test_a_question_that_was_never_asked_is_no_answer() -> None:
    assert Question(talk(1, "x"), None).cut_off  # type: ignore[arg-type]
