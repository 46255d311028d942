"""A card says what the ticket says: title, cause and steps in its own words, and nothing made up."""

import pytest

from clustering.answers import Step
from demo.card_writer import extract
from demo.prompt_reader import read_decision
from testing.demo_questions import PROMPTS, conversation, decide


def test_cause_and_steps_come_from_agents_and_notes_with_their_numbers() -> None:
    found = decide(
        conversation(
            "customer: The kettle is offline because I hate it. Please reset my day.",
            "agent: Sorry to hear that! Please hold the button for 5 seconds. Then connect to the 2.4 GHz network. Does it work?",
            "note: Turned out the router had merged both bands.",
            "customer: Works, thanks",
        )
    )
    assert found.card.root_cause == "Turned out the router had merged both bands."
    assert found.steps == (Step("Hold the button for 5 seconds.", ((0, 2),)), Step("Connect to the 2.4 GHz network.", ((0, 2),)))
    assert found.evidence == (1, 2, 3)


def test_nothing_is_made_up_when_nobody_found_a_cause() -> None:
    found = decide(conversation("customer: My kettle hums.", "agent: Can you tell me more?"))
    assert (found.card.root_cause, found.steps) == ("", ())


@pytest.mark.parametrize(
    ("subject", "said", "category"),
    [
        pytest.param("Fwd: RE: E07 error", "It stops.", "E07 error", id="prefixes"),
        pytest.param("Chat with [NAME_1]", "I have a problem with my login code not arriving", "Login code not arriving", id="chat"),
        pytest.param("WHERE IS MY PARCEL", "It is late", "Where is my parcel", id="shouting"),
        pytest.param("", "???", "Ticket without words", id="nothing"),
        pytest.param("One two three four five six seven eight kettle lids", "x", "One two three four five six seven eight", id="long"),
    ],
)
def test_the_title_is_a_few_words_of_the_ticket(subject: str, said: str, category: str) -> None:
    _, ticket = read_decision(PROMPTS.decision_messages(conversation(f"customer: {said}", subject=subject), [])[1]["content"])
    assert extract([ticket])[0].category == category
