"""The two steps of working with a provider's batch engine: the open questions out, their answers into the store. Says what to do next.

Decides nothing: which questions are open is found by the ordinary run, and what an answer means by the run that comes after.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import batch_files
import safe_files
from answer_store import FILE_NAME, AnswerStore
from batch_files import BatchQuestion
from terminal_text import printable

WAITING = "waiting for the answers to exported questions"
_PREFIX = "batch:"
_SHOWN = 5


def export_questions(path: Path, questions: Sequence[BatchQuestion], store: AnswerStore) -> str:
    """Where the questions stand and what to do with them. Raises `safe_files.FileUnwritable`."""
    written = batch_files.write_questions(path, questions)
    store.put_notes((_PREFIX + question.key, json.dumps(question.body["model"])) for question in questions)
    files = ", ".join(str(part) for part in written)
    return (
        f"{len(questions)} questions in {files} (endpoint {batch_files.URL}). Next: have the provider's batch engine answer "
        f"{'it' if len(written) == 1 else 'each'}, then python -m main --batch-import RESULTS [ERRORS], then this same command again. "
        "Without --batch-export the run goes on by itself at any time."
    )


def import_results(paths: Sequence[Path], *, folder: Path, model: str) -> str:
    """What was taken from result files into the store in `folder`, and what was not.

    Raises `batch_files.ResultsUnusable` or `safe_files.FileUnwritable`; nothing was taken then.
    """
    store = AnswerStore(folder)
    try:
        exported = {name.removeprefix(_PREFIX): json.loads(value) for name, value in store.notes(_PREFIX).items()}
        results = batch_files.read_results(paths, exported=exported, model=model)
        fresh = [answer for answer in results.answers if store.get(answer.key) is None]
        if not store.put_all((answer.key, answer.text, answer.usage) for answer in fresh):
            raise safe_files.FileUnwritable(f"cannot write {folder / FILE_NAME}: nothing was imported")
        waiting = sum(store.get(key) is None for key in exported)
    finally:
        store.close()
    known = len(results.answers) - len(fresh)
    lines = [f"{len(fresh)} answers imported" + (f", {known} were there already" if known else "")]
    lines += [f"no answer to {key[:12]}…: {printable(reason)}" for key, reason in results.unanswered[:_SHOWN]]
    lines += [f"and {len(results.unanswered) - _SHOWN} more without an answer"] if len(results.unanswered) > _SHOWN else []
    lines += [f"{waiting} exported questions have no answer yet; the next export holds them again"] if waiting else []
    return "\n".join([*lines, "Next: the command that exported, again; without --batch-export it asks the rest itself."])
