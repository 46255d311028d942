import pytest

from cleaning.history import History, words_of

SAID = (
    "Dear Ann,\nplease hold the red button for ten seconds, see https://kb.acme.example/reset and tell us:\nWhich colour?\nYes",
    "The lamp was green until Monday and it hums.",
)


@pytest.fixture
def history() -> History:
    known = History()
    for message in SAID:
        known.add(message.split("\n"))
    return known


KNOWN = {
    "a whole line": "Which colour?",
    "in other letters, marked and wrapped": ">> PLEASE  HOLD the red",
    "with words missing": "please hold the button for seconds",
    "without its link": "see and tell us",
    "across two lines": "and tell us: Which colour?",
    "a short whole line": "yes",
}
NEW = {
    "an added word": "please hold the red button for twenty seconds",
    "another order": "the button red hold please",
    "words of two messages": "Which colour? The lamp was green",
    "words from far apart": "Dear please seconds Which",
    "a short answer of words that were said": "red",
    "nothing": "--",
}


@pytest.mark.parametrize("line", KNOWN.values(), ids=KNOWN.keys())
def test_a_line_whose_words_stand_in_one_message_in_this_order_is_history(history: History, line: str) -> None:
    assert history.find(words_of(line)) is not None


@pytest.mark.parametrize("line", NEW.values(), ids=NEW.keys())
def test_any_other_line_is_not(history: History, line: str) -> None:
    assert history.find(words_of(line)) is None


def test_the_rest_of_a_wrapped_line_is_known_after_it(history: History) -> None:
    end = history.find(words_of("please hold the red button for"))
    assert end is not None
    assert history.find(words_of("ten seconds"), after=end) is not None
    assert history.find(words_of("ten seconds")) is None


def test_an_empty_history_holds_nothing() -> None:
    assert not History()
    assert History().find(words_of("Which colour?")) is None
