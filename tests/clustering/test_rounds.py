"""Rounds: who is put off, whose misfit moves, what is held back; everything at most once, and people's word stands."""

from collections.abc import Sequence
from typing import Any

import pytest

from common import files as safe_files
from issue_clusterer import IssueClusterer
from knowledge import issue as issue_db
from knowledge.conversation import Conversation
from knowledge.issue import Card, Issue
from knowledge.paths import DEFAULT_OUTPUT, RunFiles
from llm.protocol import AnswerUnusable
from prompts_config import Prompts
from testing.scripted_model import Asked, ScriptedModel, decision, talk

LID = {"category": "Lid leaks", "short_description": "The lid leaks water."}
OVEN = {"category": "Oven cold", "short_description": "The oven stays cold."}


def sealed(issue_id: str, category: str, tickets: list[int], **fields: Any) -> Issue:
    issue = Issue(issue_id, Card(category), tickets=tickets, **fields)
    issue.seal_card()
    return issue


def run(
    script: Any, tickets: list[int], *issues: Issue, overview: bool = False, said: str = "Something is wrong, {}"
) -> tuple[IssueClusterer, ScriptedModel]:
    """A run over tickets that all say the same, on a database of these issues."""
    if issues:
        safe_files.write_text(DEFAULT_OUTPUT, issue_db.render(issues))
    model = ScriptedModel(script)
    stored: dict[int, Conversation] = {n: talk(n, said.format(n, (n + 1) // 2), agent="Please wait.") for n in range(1, 400)}
    clusterer = IssueClusterer(RunFiles(DEFAULT_OUTPUT), ask=model.ask, prompts=Prompts(), conversation_of=stored.get)
    clusterer.decide([stored[ticket] for ticket in tickets])
    clusterer.conclude(overview=overview)
    return clusterer, model


def asked_times(model: ScriptedModel, ticket: int) -> int:
    return sum(number == ticket for number, _ in model.offers())


def test_a_ticket_that_resembles_what_its_wave_founded_is_put_off_and_sees_it() -> None:
    def script(asked: Asked) -> Any:
        lids = [name for name, line in asked.lines.items() if line.startswith("Lid leaks")]
        return decision(lids[0], 0.9) if lids else decision(None, 0.9, **(OVEN if asked.ticket == 1 else LID))

    clusterer, model = run(script, [1, 2, 3])
    assert {name: issue.tickets for name, issue in clusterer.issues.items()} == {"ISSUE-1": [1], "ISSUE-2": [2, 3]}
    assert [offered for number, offered in model.offers() if number == 3] == [["ISSUE-1"], ["ISSUE-1", "ISSUE-2"]]
    assert clusterer.progress.put_off == []


def test_a_ticket_is_put_off_once_and_its_second_answer_counts() -> None:
    clusterer, model = run(lambda asked: decision(None, 0.9, **(OVEN if asked.ticket == 1 else LID)), [1, 2, 3, 4, 5, 6, 7])
    assert all(asked_times(model, ticket) <= 2 for ticket in range(1, 8))
    assert asked_times(model, 3) == 2
    assert set(clusterer.rows) == set(range(1, 8))
    assert sorted(ticket for issue in clusterer.issues.values() for ticket in issue.tickets) == list(range(1, 8))


def test_tickets_put_off_wait_for_one_another_and_are_asked_no_more_often_for_it() -> None:
    def script(asked: Asked) -> Any:
        thing = f"Thing {(asked.ticket + 1) // 2}"
        home = [name for name, line in asked.lines.items() if line.startswith(thing)]
        return decision(home[0], 0.9) if home else decision(None, 0.9, category=thing, short_description="It broke.")

    said = "part{1} engine{1} valve{1}"
    clusterer, model = run(script, [1, 2, 3, 4, 5, 6], sealed("ISSUE-500", "Oven", list(range(500, 540))), said=said)
    assert [issue.tickets for issue in clusterer.issues.values()] == [list(range(500, 540)), [1, 2], [3, 4], [5, 6]]
    assert [asked_times(model, ticket) for ticket in range(1, 7)] == [1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize("answer", ["UNCLEAR", "ISSUE-100"], ids=["no problem", "an unsure match"])
def test_what_is_held_back_is_offered_to_nobody_and_puts_nobody_off(answer: str) -> None:
    base = sealed("ISSUE-100", "Oven", list(range(100, 140)))
    clusterer, model = run(lambda _asked: decision(answer, 0.6, **LID), [1, 2, 40, 41], base)
    assert [issue.held_back for name, issue in clusterer.issues.items() if name != "ISSUE-100"] == [
        "" if answer == "UNCLEAR" else answer
    ] * 4
    assert all(offered == ["ISSUE-100"] for _, offered in model.offers())
    assert len(model.offers()) == 4
    assert {issue.card.category for name, issue in clusterer.issues.items() if name != "ISSUE-100"} == {"The lid leaks water."}


def test_an_unsure_new_issue_is_offered_as_ever() -> None:
    clusterer, model = run(lambda asked: decision(None, 0.3, category=f"Thing{asked.ticket}", short_description="x"), [1, 2])
    assert clusterer.issues["ISSUE-1"].unsure == {1: 0.3}
    assert model.offers()[-1] == (2, ["ISSUE-1"])


def test_vectors_of_a_waves_tickets_are_asked_for_together() -> None:
    calls: list[int] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        calls.append(len(texts))
        return [[1.0, float(len(text) % 7)] for text in texts]

    issues = [sealed(f"ISSUE-{n}", f"Thing {n}", [n]) for n in range(500, 540)]
    safe_files.write_text(DEFAULT_OUTPUT, issue_db.render(issues))
    model = ScriptedModel(lambda _asked: decision("ISSUE-500", 0.9))
    clusterer = IssueClusterer(RunFiles(DEFAULT_OUTPUT), ask=model.ask, prompts=Prompts(), embed=embed)
    clusterer.decide([talk(n, f"Something is wrong, {n}") for n in range(1, 21)])
    assert calls[:2] in ([20, 40], [40, 20])
    assert 1 not in calls


# --- misfits ------------------------------------------------------------------------------------------------------------------------------


def misfit_script(second: Any, *, named: list[int]) -> Any:
    """Tickets join issue 100, its card names misfits, and these are then answered by `second`."""
    seen: set[int] = set()

    def script(asked: Asked) -> Any:
        if asked.schema == "issue_card":
            return {"category": "Oven", "misfits": [ticket for ticket in named if f"\nTICKET {ticket}\n" in asked.user]}
        if asked.schema != "issue_decision":
            return AnswerUnusable("not asked here")
        if asked.ticket in seen:
            return second
        seen.add(asked.ticket)
        return decision("ISSUE-100", 0.9, **OVEN)

    return script


@pytest.mark.parametrize(
    ("second", "home"),
    [
        pytest.param(decision("ISSUE-200", 0.9), "ISSUE-200", id="surely elsewhere"),
        pytest.param(decision(None, 0.9, **LID), "ISSUE-1", id="surely new"),
        pytest.param(decision("ISSUE-100", 0.9), "ISSUE-100", id="here after all"),
        pytest.param(decision("ISSUE-200", 0.69), "ISSUE-100", id="not surely"),
        pytest.param(decision("UNCLEAR", 0.9), "ISSUE-100", id="no problem"),
        pytest.param("rubbish", "ISSUE-100", id="no answer"),
    ],
)
def test_a_misfit_moves_only_by_a_sure_answer(second: Any, home: str) -> None:
    issues = sealed("ISSUE-100", "Oven", [100, 101]), sealed("ISSUE-200", "Pan", [200, 201])
    clusterer, model = run(misfit_script(second, named=[1]), [1], *issues)
    assert clusterer.home(1) is clusterer.issues[home]
    assert asked_times(model, 1) == 2
    row = clusterer.decisions[1]
    assert (row.issue_id, row.confidence) == (home, 0.9)
    assert ("did not belong" in row.reason) is (home != "ISSUE-100")
    assert clusterer.progress.misfits == []


def test_a_misfit_is_asked_about_again_once_a_run_however_often_it_is_named() -> None:
    issues = sealed("ISSUE-100", "Oven", [100, 101]), sealed("ISSUE-200", "Pan", [200, 201])
    clusterer, model = run(misfit_script(decision("ISSUE-100", 0.9), named=[1]), list(range(1, 60)), *issues)
    assert asked_times(model, 1) == 2
    assert len(model.questions("issue_card")) > 1
    assert clusterer.home(1) is clusterer.issues["ISSUE-100"]


def test_a_ticket_that_a_person_placed_is_no_misfit() -> None:
    issues = sealed("ISSUE-100", "Oven", [100, 101], reviewed=[100]), sealed("ISSUE-200", "Pan", [200, 201])
    clusterer, model = run(misfit_script(decision("ISSUE-200", 0.9), named=[100]), [1], *issues)
    assert asked_times(model, 100) == 0
    assert clusterer.home(100) is clusterer.issues["ISSUE-100"]


def test_the_last_rounds_are_two_put_off_tickets_cards_and_overview_then_misfits_and_merges() -> None:
    rounds: list[list[str]] = [[]]

    def script(asked: Asked) -> Any:
        rounds[-1].append(asked.schema)
        if asked.schema == "issue_overview":
            return {"groups": [{"issue_ids": asked.offered[:2]}], "areas": []}
        if asked.schema == "issue_merge":
            return {"merges": []}
        if asked.schema == "issue_card":
            return {"category": "Oven", "misfits": [1]}
        return decision("ISSUE-100", 0.9) if asked.ticket == 1 else decision(None, 0.9, **LID)

    _, model = run(script, [1, 2, 3], sealed("ISSUE-100", "Oven", [100, 101]), sealed("ISSUE-200", "Pan", [200, 201]), overview=True)
    schemas = [asked.schema for asked in model.asked]
    assert schemas.index("issue_merge") > schemas.index("issue_overview")
    assert schemas.count("issue_overview") == 1
    assert [number for number, _ in model.offers()][-1] == 1, "the misfit, beside the merge question"
