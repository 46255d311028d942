"""The program's own questions about made-up and about sample tickets, for tests of who answers in the demo."""

import json

from clustering.answers import DecisionAnswer, parse_decision
from demo.helpdesk import load_tickets
from demo.model import answer
from knowledge.conversation import Conversation, Message
from knowledge.issue import Card, Issue
from prompts_config import Prompts
from testing.scripted_model import talk

PROMPTS = Prompts()


LID = Issue("ISSUE-7", Card("Lid leaks", "The lid of the box lets air in over night.", ("vacuum", "seal")))


CODE = Issue("ISSUE-12", Card("Login code not delivered", "The six digit login code never arrives by e-mail.", ("code", "inbox")))


def conversation(*texts: str, subject: str = "") -> Conversation:
    """A ticket of messages such as `customer: text`, `agent: text` or `note: text`."""
    messages = []
    for text in texts:
        who, said = text.split(": ", 1)
        messages.append(
            Message(
                speaker="user" if who == "customer" else "agent",
                text=said,
                private=who == "note",
                incoming=who == "customer",
                created_at="",
            )
        )
    return Conversation(
        ticket_id=99, subject=subject, status=5, source=1, type=None, tags=[], created_at="", updated_at="", url="", ignored=None,
        redacted=True, cleaner_version=1, conversation=messages,
    )  # fmt: skip


def question(ticket: Conversation, *issues: Issue) -> list[dict[str, str]]:
    """The question as the program puts it."""
    return PROMPTS.decision_messages(ticket, issues)


def decide(ticket: Conversation, *issues: Issue) -> DecisionAnswer:
    text = json.dumps(answer(question(ticket, *issues)))
    return parse_decision(
        text, offered=[issue.issue_id for issue in issues], message_count=len(ticket["conversation"]), fallback_title=ticket["subject"]
    )


TICKETS = load_tickets()


def asked(ticket_id: int, *issues: Issue) -> list[dict[str, str]]:
    """The program's question about a sample ticket, which was cleaned in a way of its own."""
    raw = next(ticket for ticket in TICKETS if ticket["id"] == ticket_id)
    texts = [raw["description_text"], *(message["body_text"] for message in raw["conversations"])]
    conversation = talk(ticket_id, texts[0])
    conversation["subject"] = raw["subject"] or ""
    first = conversation["conversation"][0]
    conversation["conversation"] = [
        {**first, "speaker": "user" if number % 2 == 0 else "agent", "text": text[:400]} for number, text in enumerate(texts)
    ]
    return Prompts().decision_messages(conversation, issues)
