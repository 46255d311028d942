"""A wave is asked at once and settled the same way at any speed; who resembles an issue founded in it is found by the answers."""

from collections.abc import Iterable
from typing import Any

import pytest

from clustering.answers import DecisionAnswer
from clustering.candidates import Candidates, TicketText
from clustering.question import Verdict
from clustering.wave import RESEMBLES, Asking, Question, Texts, told
from clustering.words import cosine
from common.errors import Stopped
from common.pool import WorkerPool, at_once
from knowledge.base import KnowledgeBase
from knowledge.issue import Card, Issue
from llm.protocol import Answer, AnswerUnusable, BudgetReached, ContextTooLong, Usage
from prompts_config import Prompts
from testing.scripted_model import ScriptedModel, backwards, by_ticket, decision, latency, talk


class Wave:
    """Questions about tickets that say the same, put to a script against a few issues."""

    def __init__(self, model: ScriptedModel, *issues: Issue, submit: Any = at_once) -> None:
        self.known = Candidates(KnowledgeBase({issue.issue_id: issue for issue in issues}), conversation_of=lambda _ticket_id: None)
        self.asking = Asking(model.ask, Prompts(), submit)
        self.asked: list[Question] = []

    def put(
        self, numbers: Iterable[int], said: str = "The lid leaks", *, leaving: Iterable[int] = (), before: Verdict | None = None
    ) -> None:
        for conversation in (talk(number, said) for number in numbers):
            question = Question(conversation, TicketText.of(conversation), before=before)
            self.asked.append(question.put(self.known, self.asking, leaving=set(leaving)))

    def take(self) -> list[Question]:
        for question in self.asked:
            question.take(self.asking)
        return self.asked


def new(category: str, description: str = "", **options: Any) -> Verdict:
    card = Card(category, description)
    return Verdict(DecisionAnswer(None, 0.9, card, (), **options), 0.9, (), (), card)


vector = Candidates(KnowledgeBase(), conversation_of=lambda _ticket_id: None).weigher()


def test_all_tickets_see_the_issues_as_they_stood() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: decision(), 3: decision("ISSUE-9")}))
    wave = Wave(model, Issue("ISSUE-9", Card("Oven")))
    wave.put([1, 2, 3])
    assert [question.says_new for question in wave.take()] == [True, True, False]
    assert wave.asking.ended is None
    assert model.offers() == [(1, ["ISSUE-9"]), (2, ["ISSUE-9"]), (3, ["ISSUE-9"])]


def test_an_issue_that_is_held_back_or_about_to_be_emptied_is_not_offered() -> None:
    model = ScriptedModel(by_ticket({1: decision()}))
    wave = Wave(
        model,
        Issue("ISSUE-7", Card("Lid"), held_back="ISSUE-9", tickets=[7]),
        Issue("ISSUE-8", Card("Lid"), tickets=[8]),
        Issue("ISSUE-9", Card("Oven")),
    )
    wave.put([1], leaving=[8])
    assert model.offers() == [(1, ["ISSUE-9"])]


def test_failures_and_cut_off_questions_are_told_apart() -> None:
    model = ScriptedModel(by_ticket({1: AnswerUnusable("refused"), 2: BudgetReached("no more"), 3: decision("UNCLEAR")}))
    wave = Wave(model)
    wave.put([1, 2, 3])
    failed, cut, unclear = wave.take()
    assert str(wave.asking.ended) == "no more"
    assert (failed.failure, failed.cut_off, failed.says_new) == ("refused", False, False)
    assert (cut.failure, cut.cut_off) == ("", True)
    assert (unclear.says_new, unclear.cut_off) == (False, False)


@pytest.mark.parametrize("trouble", [AnswerUnusable("refused"), BudgetReached("no more")], ids=["unusable", "budget"])
def test_a_ticket_that_was_put_off_and_gets_no_second_answer_has_its_first(trouble: Exception) -> None:
    wave, first = Wave(ScriptedModel(by_ticket({1: trouble}))), new("Lid leaks")
    wave.put([1], before=first)
    (question,) = wave.take()
    assert (question.verdict, question.failure, question.cut_off) == (first, "", False)


def test_what_ends_the_run_is_raised() -> None:
    wave = Wave(ScriptedModel(by_ticket({1: Stopped("bad key")})))
    wave.put([1])
    with pytest.raises(Stopped, match="bad key"):
        wave.take()


@pytest.mark.parametrize("seed", range(3))
def test_the_outcome_does_not_depend_on_threads_and_latency(seed: int) -> None:
    pool = WorkerPool(8, name="test")
    answers = {number: decision(None, 0.9, category=f"Thing {number}") for number in range(1, 9)}
    try:
        wave = Wave(ScriptedModel(by_ticket(answers), pause=latency(seed)), submit=pool.submit)
        wave.put(answers)
        asked = wave.take()
    finally:
        pool.close()
    assert [question.verdict.card.category for question in asked if question.verdict] == [f"Thing {number}" for number in answers]


def test_questions_may_be_worked_off_in_any_order() -> None:
    submit, work_off = backwards()
    wave = Wave(ScriptedModel(by_ticket({1: decision(), 2: decision("UNCLEAR")})), submit=submit)
    wave.put([1, 2])
    work_off()
    assert [question.says_new for question in wave.take()] == [True, False]


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        pytest.param(("Lid leaks", "The lid leaks.", ""), ("Lid leaks", "Water leaks from the lid.", ""), True, id="answers alike"),
        pytest.param(("Lid leaks", "The lid leaks.", "Hello"), ("Oven cold", "The oven stays cold.", ""), False, id="two problems"),
        pytest.param(("Lid leaks", "", "Hello"), ("", "", ""), False, id="no words"),
        pytest.param(("Some trouble", "", "The kettle drips"), ("A difficulty", "", "A drip at my kettle"), True, id="customers alike"),
        pytest.param(
            ("Seal worn", "", "The kettle drips, water at the lid"),
            ("Seal of lid, cover, hinge, handle", "", "Hello, water drips from the lid, what now?"),
            True,
            id="both a bit",
        ),
        pytest.param(
            ("Seal worn", "", "The kettle drips, water at the lid"),
            ("Seal of lid, cover, hinge, handle, spout, base, cord, plug, foot, rim", "", "Hello, the invoice came twice"),
            False,
            id="answers a bit",
        ),
    ],
)
def test_tickets_are_alike_by_the_words_of_answers_and_customers_together(
    first: tuple[str, str, str], second: tuple[str, str, str], alike: bool
) -> None:
    founded = Texts()
    one, other = (told(new(category, description), said, vector) for category, description, said in (first, second))
    assert founded.likest(one) == 0, "nothing was founded yet"
    founded.add(one)
    assert (founded.likest(other) >= RESEMBLES) is alike


def test_with_a_closed_list_the_descriptions_alone_are_compared() -> None:
    for names_tell in (True, False):
        founded = Texts()
        founded.add(told(new("Lid leaks", "Water comes out."), "", vector, names_tell=names_tell))
        assert (founded.likest(told(new("Lid leaks", "Steam stays in."), "", vector, names_tell=names_tell)) > 0.3) is names_tell


def test_what_shared_words_find_is_what_comparing_every_pair_finds() -> None:
    texts = [vector(" ".join(f"w{(number * step) % 11}" for step in range(1, 7))) for number in range(1, 40)]
    founded = Texts()
    for place, text in enumerate(texts):
        assert founded.likest(text) == pytest.approx(max((cosine(text, other) for other in texts[:place]), default=0.0))
        founded.add(text)


@pytest.mark.parametrize(
    ("given", "answer", "ended", "warned"),
    [
        pytest.param(7, 7, None, "", id="an answer"),
        pytest.param(AnswerUnusable("refused"), None, None, "about a card had no usable answer and changes nothing: refused", id="bad"),
        pytest.param(ContextTooLong("too long"), None, None, "changes nothing: too long", id="too long"),
        pytest.param(BudgetReached("no more"), None, "no more", "", id="cut off"),
    ],
)  # fmt: skip
def test_a_question_about_issues_may_stay_without_an_answer(
    given: Any, answer: int | None, ended: str | None, warned: str, caplog: pytest.LogCaptureFixture
) -> None:
    asking = Wave(ScriptedModel(by_ticket({}))).asking
    future = at_once(lambda: Answer(given, "", Usage()) if isinstance(given, int) else _raise(given))
    assert asking.answer(future, about="a card") == answer
    assert (str(asking.ended) if asking.ended else None) == ended
    assert warned in caplog.text


def _raise(error: Exception) -> Any:
    raise error


def test_a_question_that_was_never_asked_is_no_answer() -> None:
    assert Question(talk(1, "x"), TicketText.of(talk(1, "x"))).cut_off
