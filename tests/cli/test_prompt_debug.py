"""Looking at prompts: four parts are shown, the answer goes through unchanged, strangers' text cannot steer the terminal."""

from typing import Any

import pytest

from cli.prompt_debug import Look, Shown, head, table, verdict
from clustering.answers import parse_card
from knowledge.issue import Card, Issue
from llm.protocol import AnswerUnusable
from testing.scripted_model import ScriptedModel

MESSAGES = [{"role": "system", "content": "You are.\nTwo lines."}, {"role": "user", "content": "Subject: {x} %s $y \x1b[31mred\x07"}]
SCHEMA = {"name": "issue_card"}


def ask(answer: Any, parse: Any = parse_card) -> Any:
    return Shown(ScriptedModel(lambda _asked: answer).ask)(MESSAGES, schema=SCHEMA, parse=parse)


def test_the_four_parts_are_shown_in_order_and_the_answer_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask('{"category": "Lid leaks",}')
    assert answer.value.card.category == "Lid leaks"
    out = capsys.readouterr().out
    titles = [line for line in out.splitlines() if line.isupper()]
    assert titles == ["SYSTEM MESSAGE", "USER MESSAGE", "RAW ANSWER", "PARSED ANSWER"]
    assert "You are.\nTwo lines.\n" in out
    assert "Subject: {x} %s $y" in out
    assert '{"category": "Lid leaks",}' in out
    assert 'card: {"category": "Lid leaks"' in out


def test_the_model_gets_what_it_would_get_without_looking() -> None:
    model = ScriptedModel(lambda _asked: {"category": "Lid"})
    Shown(model.ask)(MESSAGES, schema=SCHEMA, parse=parse_card)
    assert (model.asked[0].system, model.asked[0].user) == (MESSAGES[0]["content"], MESSAGES[1]["content"])


def test_no_control_character_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    ask('{"category": "a \\u001b[2J b"}  \x1b]0;owned\x07', parse=str)
    assert not {"\x1b", "\x07"} & set(capsys.readouterr().out)


def test_an_answer_that_does_not_parse_is_shown_each_time_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AnswerUnusable):
        ask("I would rather not.")
    out = capsys.readouterr().out
    assert out.count("RAW ANSWER") == 2
    assert out.count("I would rather not.") == 2
    assert "PARSED ANSWER" not in out


def test_a_value_that_is_no_record_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    ask("seven", parse=lambda _text: (1, "b"))
    assert "(1, 'b')" in capsys.readouterr().out


def test_the_system_message_is_shown_once_and_again_where_it_differs(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Shown(ScriptedModel(lambda _asked: {"category": "Lid"}).ask)
    for system in ("first", "first", "second"):
        shown([{"role": "system", "content": system}, MESSAGES[1]], schema=SCHEMA, parse=parse_card)
    out = capsys.readouterr().out
    assert (out.count("SYSTEM MESSAGE\n"), out.count("\nfirst\n"), out.count("\nsecond\n")) == (2, 1, 1)
    assert shown.paid


ISSUES = {"ISSUE-7": Issue("ISSUE-7", Card("Lid leaks"))}


@pytest.mark.parametrize(
    ("joins", "meant", "confidence", "paid", "said"),
    [
        ("ISSUE-7", "ISSUE-7", 0.9, False, '=> would join ISSUE-7 "Lid leaks" at 0.90; stored answer, no cost'),
        (None, "ISSUE-7", 0.66, True, '=> may belong to ISSUE-7 "Lid leaks" at 0.66, below 0.7: provisional, listed for review; asked now'),
        (None, None, 0.95, True, '=> would found a new issue "Soft lid" at 0.95; asked now'),
        (None, None, 0.3, True, '=> would found a new issue "Soft lid" at 0.30, below 0.7: provisional, listed for review; asked now'),
    ],
    ids=["match", "unsure match", "new", "unsure new"],
)
def test_the_verdict_says_what_would_become_of_the_ticket(
    joins: str | None, meant: str | None, confidence: float, paid: bool, said: str
) -> None:
    assert verdict(joins, meant, confidence, ISSUES, category="Soft lid", paid=paid) == said


def test_a_ticket_is_named_above_its_prompt() -> None:
    assert head(1190, "Sensor\x1b overheats", ISSUES["ISSUE-7"]) == 'TICKET 1190 "Sensor  overheats"  in the database: ISSUE-7'
    assert head(7, "x" * 99, None).endswith('…"  not in the database')


def test_the_table_has_a_line_a_ticket_and_counts_changes() -> None:
    looks = [Look(9, "ISSUE-7", "ISSUE-7", 0.9), Look(123, "-", "new", 0.5, changes=True), Look(5, "-", "failed")]
    lines = table(looks).splitlines()[1:]
    assert [line.split() for line in lines[:4]] == [
        ["ticket", "now", "would", "be", "confidence"],
        ["9", "ISSUE-7", "ISSUE-7", "0.90"],
        ["123", "-", "new", "0.50"],
        ["5", "-", "failed", "-"],
    ]
    assert lines[4] == "3 looked at, 1 would change; nothing was written"


def test_a_ticket_that_states_no_problem_is_called_so() -> None:
    assert verdict(None, None, 0.5, ISSUES, category="", paid=False) == (
        "=> states no problem, at 0.50: provisional, listed for review; stored answer, no cost"
    )
