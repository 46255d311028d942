"""Makes the recording: has a language model answer the program's own questions about the sample tickets, as far as none is recorded.

    python -m demo.record                    what is not recorded yet, as demo_questions.jsonl, to be answered by hand
    python -m demo.record --answers FILE     takes answers, one line a question: {"n": 3, "answer": {...}}
    python -m demo.record --ask              asks the model server that .env names

A run may open further questions, so repeat until none is left. Lines are only added; to record one anew, delete its line first.
"""

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import llm_client
import main
from cli.options import Options
from common import files
from demo import show
from demo.helpdesk import SampleHelpdesk, load_tickets
from demo.model import BuiltInModel
from demo.prompt_reader import Question, read_decision, read_issues
from demo.recorded import FILE, RecordedModel, Recording, find_ticket, words_of
from prompts_config import UNCLEAR_ID

QUESTIONS = Path("demo_questions.jsonl")


def open_questions(recording: Recording, tickets: list[dict[str, Any]]) -> list[Question]:
    """Questions of a whole run over the sample tickets that the recording does not answer, in a stable order, each once."""
    asked = RecordedModel(recording)
    with tempfile.TemporaryDirectory() as folder, SampleHelpdesk(tickets) as helpdesk_url, BuiltInModel(answer_with=asked) as model_url:
        there = Options(pages="all", output=Path(folder) / "db.json", conversations=Path(folder) / "c", cache=Path(folder) / "cache")
        with contextlib.redirect_stdout(io.StringIO()):
            main.run_with_report(there, show.settings_of(helpdesk_url, model_url))
    return [asked.unanswered[text] for text in sorted(asked.unanswered)]


def lines_of(question: Question, answer: Mapping[str, Any], tickets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an answer adds to the recording, ids replaced by what does not change: the ticket, the categories. Raises ValueError."""
    if question.schema == "issue_decision":
        offered, ticket = read_decision(question.user)
        number = find_ticket(ticket, {one["id"]: words_of(one) for one in tickets})
        if number is None:
            raise ValueError("the question is about no sample ticket")
        names = {issue.issue_id: issue.category for issue in offered}
        said = {key: value for key, value in answer.items() if key != "issue_id"}
        meant = names.get(answer["issue_id"], UNCLEAR_ID if answer["issue_id"] == UNCLEAR_ID else answer["category"])
        second = names.get(answer.get("second_choice", ""), "")
        return [{"ticket": number, "answer": {**said, "issue": meant, "category": meant, "second_choice": second}}]
    names = {issue.issue_id: issue.category for issue in read_issues(question.user)}
    if question.schema == "issue_overview":
        return [{"issue": names[name], "area": area["area"]} for area in answer["areas"] for name in area["issue_ids"] if name in names]
    return [{"issue": next(iter(names.values())), "card": dict(answer)}]


def add(path: Path, lines: list[dict[str, Any]]) -> None:
    """Append lines to the recording. Raises `Unwritable`."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    files.write_text(path, before + "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def work(argv: list[str] | None = None) -> int:
    """The exit status: 0 when nothing is open any more, else 3."""
    parser = argparse.ArgumentParser(prog="python -m demo.record", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--answers", type=Path, metavar="FILE", help="answers by hand")
    how.add_argument("--ask", action="store_true", help="ask the model server of .env")
    args = parser.parse_args(argv)
    tickets = load_tickets()
    questions = open_questions(Recording.load(tickets), tickets)
    answer_of = _by_server if args.ask else _by_hand(args.answers) if args.answers else None
    if answer_of is not None:
        answers = [(question, answer_of(number, question)) for number, question in enumerate(questions)]
        add(FILE, [line for question, answer in answers if answer is not None for line in lines_of(question, answer, tickets)])
        questions = open_questions(Recording.load(tickets), tickets)
    files.write_text(QUESTIONS, "".join(json.dumps({"n": n, **asdict(one)}, ensure_ascii=False) + "\n" for n, one in enumerate(questions)))
    print(f"{len(questions)} questions are not recorded; they stand in {QUESTIONS}")
    return 3 if questions else 0


def _by_server(_number: int, question: Question) -> Mapping[str, Any] | None:
    messages = [{"role": "system", "content": question.system}, {"role": "user", "content": question.user}]
    said: Mapping[str, Any] = json.loads(llm_client.chat(messages))
    return said


def _by_hand(path: Path) -> Callable[[int, Question], Mapping[str, Any] | None]:
    answers = {line["n"]: line["answer"] for line in map(json.loads, path.read_text(encoding="utf-8").splitlines())}
    return lambda number, _question: answers.get(number)


if __name__ == "__main__":
    sys.exit(work())
