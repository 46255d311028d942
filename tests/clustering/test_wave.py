"""A wave: everybody is asked at once, founders are shown to those who resemble them, and nothing is committed."""

from typing import Any

import pytest

from clustering.candidates import Candidates
from clustering.wave import Question, Wave, at_once
from common.errors import Stopped
from common.pool import WorkerPool
from knowledge.base import KnowledgeBase
from knowledge.conversation import Conversation
from knowledge.issue import Card, Issue, render
from llm.protocol import AnswerUnusable, BudgetReached
from prompts_config import Prompts
from testing.scripted_model import Asked, ScriptedModel, backwards, by_ticket, decision, latency, talk

LID = "The lid leaks hot water"


def settle(
    model: ScriptedModel, conversations: list[Conversation], *, known: tuple[Issue, ...] = (), submit: Any = at_once
) -> tuple[list[Question], BudgetReached | None]:
    base = KnowledgeBase({issue.issue_id: issue for issue in known})
    before = render(base.issues.values())
    wave = Wave(base, Candidates(base, conversation_of=lambda _ticket: None), ask=model.ask, prompts=Prompts(), submit=submit)
    questions = [wave.begin(conversation, leaving=set()) for conversation in conversations]
    ended = wave.settle()
    assert (render(base.issues.values()), base.changed) == (before, set()), "a wave commits nothing"
    return questions, ended


def homes(questions: list[Question]) -> list[str | None]:
    joined = [question.verdict.joins if question.verdict else None for question in questions]
    return [question.founds.issue_id if question.founds else joins for question, joins in zip(questions, joined, strict=True)]


def test_all_are_asked_against_what_was_known_when_the_wave_began() -> None:
    model = ScriptedModel(by_ticket({1: decision("ISSUE-9"), 2: decision("ISSUE-9")}))
    questions, ended = settle(model, [talk(1, LID), talk(2, LID)], known=(Issue("ISSUE-9", Card("Lid")),))
    assert model.offers() == [(1, ["ISSUE-9"]), (2, ["ISSUE-9"])]
    assert homes(questions) == ["ISSUE-9", "ISSUE-9"]
    assert ended is None


def test_a_later_one_that_resembles_a_founder_is_asked_once_more_with_it_shown() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: [decision(), decision("ISSUE-1", 0.8)]}))
    questions, _ = settle(model, [talk(1, LID), talk(2, LID)])
    assert model.offers() == [(1, []), (2, []), (2, ["ISSUE-1"])]
    assert homes(questions) == ["ISSUE-1", "ISSUE-1"]


def test_one_that_resembles_nobody_is_asked_once() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: decision()}))
    questions, _ = settle(model, [talk(1, LID), talk(2, "invoice charged twice")])
    assert model.offers() == [(1, []), (2, [])]
    assert homes(questions) == ["ISSUE-1", "ISSUE-2"]


def test_one_that_joined_a_known_issue_is_not_asked_again() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: decision("ISSUE-9")}))
    settle(model, [talk(1, LID), talk(2, LID)], known=(Issue("ISSUE-9", Card("Lid")),))
    assert [ticket for ticket, _ in model.offers()] == [1, 2]


def test_the_third_sees_the_one_founder_of_two_that_went_before() -> None:
    """2 joins what 1 founded, so 3 is shown ISSUE-1 alone, once."""
    model = ScriptedModel(by_ticket({1: decision(), 2: [decision(), decision("ISSUE-1")], 3: [decision(), decision()]}))
    questions, _ = settle(model, [talk(1, LID), talk(2, LID), talk(3, LID)])
    assert model.offers()[-1] == (3, ["ISSUE-1"])
    assert homes(questions) == ["ISSUE-1", "ISSUE-1", "ISSUE-3"]


def test_a_founder_is_shown_among_the_known_ones_in_the_order_of_ids() -> None:
    known = (Issue("ISSUE-1", Card("Oven")), Issue("ISSUE-30", Card("Pan")), Issue("WIFI", Card("Wi-Fi")))
    model = ScriptedModel(by_ticket({20: decision(), 25: [decision(), decision("ISSUE-20")]}))
    settle(model, [talk(20, LID), talk(25, LID)], known=known)
    assert model.offers()[-1] == (25, ["ISSUE-1", "ISSUE-20", "ISSUE-30", "WIFI"])


def test_an_unsure_match_with_a_founder_founds_its_own_and_remembers_what_was_meant() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: [decision(), decision("ISSUE-1", 0.69)]}))
    questions, _ = settle(model, [talk(1, LID), talk(2, LID)])
    assert homes(questions) == ["ISSUE-1", "ISSUE-2"]
    verdict = questions[1].verdict
    assert verdict is not None
    assert (verdict.answer.issue_id, verdict.candidates) == ("ISSUE-1", ("ISSUE-1",))


def test_a_second_asking_without_a_usable_answer_leaves_the_first() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: [decision(None, 0.8), AnswerUnusable("filtered")]}))
    questions, _ = settle(model, [talk(1, LID), talk(2, LID)])
    assert homes(questions) == ["ISSUE-1", "ISSUE-2"]
    assert (questions[1].failure, questions[1].cut_off) == ("", False)


def test_one_that_failed_founds_nothing_and_is_no_founder_for_others() -> None:
    model = ScriptedModel(by_ticket({1: "rubbish", 2: decision()}))
    questions, ended = settle(model, [talk(1, LID), talk(2, LID)])
    assert homes(questions) == [None, "ISSUE-2"]
    assert questions[0].failure
    assert not questions[0].would_found
    assert model.offers() == [(1, []), (2, [])]
    assert ended is None


def test_a_low_match_that_has_no_name_is_named_after_its_description_subject_or_number() -> None:
    answers = {n: decision("ISSUE-9", 0.1, category="", short_description="Leaks." if n == 1 else "") for n in (1, 2, 3)}
    nameless = talk(3, "invoice")
    model = ScriptedModel(lambda asked: answers[asked.ticket or 3])
    nameless["subject"] = ""
    questions, _ = settle(model, [talk(1, LID), talk(2, "oven cold"), nameless], known=(Issue("ISSUE-9", Card("Lid")),))
    assert [question.founds and question.founds.card.category for question in questions] == ["Leaks.", "T2", "Ticket 3"]


@pytest.mark.parametrize(
    ("agent", "evidence", "notes"),
    [
        pytest.param("Replace the seal.", [2], "n", id="an agent said it"),
        pytest.param("Replace the seal.", [1], "No confirmed fix. n", id="only the customer said it"),
        pytest.param("Replace the seal.", [], "n", id="nothing named, an agent spoke"),
        pytest.param("", [1], "No confirmed fix. n", id="no agent spoke"),
    ],
)
def test_steps_that_no_agent_supports_are_marked(agent: str, evidence: list[int], notes: str) -> None:
    model = ScriptedModel(by_ticket({1: decision(resolution_steps=["Replace the seal."], evidence=evidence, notes="n")}))
    questions, _ = settle(model, [talk(1, LID, agent=agent)])
    assert questions[0].founds is not None
    assert questions[0].founds.card.notes == notes


def test_the_budget_cuts_off_questions_and_the_others_keep_their_answers() -> None:
    model = ScriptedModel(by_ticket({1: decision(), 2: BudgetReached("spent"), 3: decision()}))
    questions, ended = settle(model, [talk(1, LID), talk(2, "oven"), talk(3, "pan")])
    assert str(ended) == "spent"
    assert [question.cut_off for question in questions] == [False, True, False]


def test_the_budget_at_a_second_asking_takes_the_first_answer_back() -> None:
    """It would be another answer with the budget there: nothing may be decided on half the questions."""
    model = ScriptedModel(by_ticket({1: decision(), 2: [decision(), BudgetReached("spent")], 3: decision()}))
    questions, ended = settle(model, [talk(1, LID), talk(2, LID), talk(3, "invoice")])
    assert ended is not None
    assert [question.cut_off for question in questions] == [False, True, False]
    assert homes(questions) == ["ISSUE-1", None, "ISSUE-3"]


def test_what_ends_the_run_is_raised() -> None:
    with pytest.raises(Stopped, match="no quota"):
        settle(ScriptedModel(by_ticket({1: decision(), 2: Stopped("no quota")})), [talk(1, LID), talk(2, LID)])


def stories(count: int = 24) -> list[Conversation]:
    kinds = ["lid leaks hot water", "oven stays cold", "invoice charged twice card", "lid leaks cold water oven"]
    return [talk(n, f"{kinds[n * 5 % 4]} {kinds[n % 3]}", agent="Done.") for n in range(1, count + 1)]


def whimsical(asked: Asked) -> Any:
    """Joins the last offered issue now and then, depending on the ticket and on how much is offered."""
    whim = (asked.ticket * 31 + len(asked.offered) * 17) % 10
    if whim == 0:
        return "rubbish"
    chosen = asked.offered[-1] if asked.offered and whim < 6 else "NEW"
    return decision(chosen, 0.6 if whim == 4 else 0.9, category=f"Kind {asked.ticket} {len(asked.offered)}")


def outcome(questions: list[Question]) -> list[tuple[str | None, str, Any]]:
    return [(home, question.failure, question.verdict) for home, question in zip(homes(questions), questions, strict=True)]


@pytest.mark.parametrize("seed", range(8))
def test_the_outcome_does_not_depend_on_threads_and_latency(seed: int) -> None:
    expected = outcome(settle(ScriptedModel(whimsical), stories(), known=(Issue("ISSUE-99", Card("Oven")),))[0])
    pool = WorkerPool(1 + 3 * seed, name="test")
    try:
        model = ScriptedModel(whimsical, pause=latency(seed))
        assert outcome(settle(model, stories(), known=(Issue("ISSUE-99", Card("Oven")),), submit=pool.submit)[0]) == expected
    finally:
        pool.close()


def test_the_outcome_does_not_depend_on_the_order_in_which_questions_are_worked_off() -> None:
    first = ScriptedModel(whimsical)
    expected = settle(first, stories())
    assert len(first.asked) > 30, "second askings"
    submit, _ = backwards()
    model = ScriptedModel(whimsical)
    assert outcome(settle(model, stories(), submit=submit)[0]) == outcome(expected[0])
    assert [ticket for ticket, _ in model.offers()][:24] == list(range(24, 0, -1)), "it was another order"


def test_second_askings_that_wait_for_nobody_run_side_by_side() -> None:
    """Two families of three: the second of both is asked again at the same time."""
    submitted: list[int] = []
    model = ScriptedModel(lambda asked: decision(category=f"Kind {asked.ticket}"))

    def submit(call: Any) -> Any:
        submitted.append(len(model.asked))
        return lazy(call)

    lazy, _ = backwards()
    family = [talk(1, LID), talk(2, "invoice charged twice"), talk(3, LID), talk(4, "invoice charged twice")]
    settle(model, family, submit=submit)
    assert submitted == [0, 0, 0, 0, 4, 4], "both second askings are under way before either is answered"
