"""Looking at prompts: four parts are shown, the answer goes through unchanged, strangers' text cannot steer the terminal."""

from typing import Any

import pytest

from cli.prompt_debug import shown
from clustering.answers import parse_card
from llm.protocol import AnswerUnusable
from testing.scripted_model import ScriptedModel

MESSAGES = [{"role": "system", "content": "You are.\nTwo lines."}, {"role": "user", "content": "Subject: {x} %s $y \x1b[31mred\x07"}]
SCHEMA = {"name": "issue_card"}


def ask(answer: Any, parse: Any = parse_card) -> Any:
    return shown(ScriptedModel(lambda _asked: answer).ask)(MESSAGES, schema=SCHEMA, parse=parse)


def test_the_four_parts_are_shown_in_order_and_the_answer_is_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask('{"category": "Lid leaks",}')
    assert answer.value.category == "Lid leaks"
    out = capsys.readouterr().out
    titles = [line for line in out.splitlines() if line.isupper()]
    assert titles == ["SYSTEM MESSAGE", "USER MESSAGE", "RAW ANSWER", "PARSED ANSWER"]
    assert "You are.\nTwo lines.\n" in out
    assert "Subject: {x} %s $y" in out
    assert '{"category": "Lid leaks",}' in out
    assert "category: 'Lid leaks'" in out


def test_the_model_gets_what_it_would_get_without_looking() -> None:
    model = ScriptedModel(lambda _asked: {"category": "Lid"})
    shown(model.ask)(MESSAGES, schema=SCHEMA, parse=parse_card)
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
