"""`--check`: every setting tested on its own, a line each, the next command last.

Reads no ticket, keeps nothing and costs one word of the model. What is optional and not set is no failure.
"""

import dataclasses
import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import data_fetcher
import env
import llm_client
from cli import console
from cli.options import Job, Options
from cli.wiring import embedding_client
from common.errors import Exit, Trouble
from common.text import for_terminal
from env import Settings
from freshdesk import access
from knowledge.paths import command
from llm.json_text import extract_json
from llm.protocol import AnswerUnusable, BudgetReached, ContextTooLong, JsonSchema

WORD: JsonSchema = {
    "name": "one_word",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
        "additionalProperties": False,
    },
}
_QUESTION = [
    {"role": "system", "content": 'You answer with exactly one JSON object (schema one_word): {"word": "..."}'},
    {"role": "user", "content": 'Answer {"word": "ready"} in JSON.'},
]
_NAMED = {
    "json_schema": "held to the schema (json_schema)",
    "json_object": "JSON without a schema (json_object); every answer is checked here all the same",
    "none": "not offered by this server; the prompt asks for JSON and every answer is checked here",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether it can be used (None: optional and not set), and what was seen."""

    name: str
    fine: bool | None
    said: str

    def __str__(self) -> str:
        mark = "--" if self.fine is None else "ok" if self.fine else "FAILED"
        return f"{mark:7} {self.name}: {for_terminal(self.said)}"


Check = Callable[[Settings, Options], Iterable[Finding]]
_REQUIRED = {known.name for known in dataclasses.fields(Settings) if known.default is dataclasses.MISSING}


def folders(settings: Settings, options: Options) -> Iterator[Finding]:
    """Whether the three folders can be written."""
    places = {"CONVERSATIONS_DIR": options.conversations, "CACHE_DIR": options.cache, "--output": options.output.parent}
    for name, folder in places.items():
        trouble = _unwritable(folder)
        yield Finding(f"folder {folder}", not trouble, f"{trouble}: choose another with {name}" if trouble else "can be written")


def prices(settings: Settings, options: Options) -> Iterator[Finding]:
    """Whether costs can be told."""
    if settings.llm_price_in is None or settings.llm_price_out is None:
        yield Finding("prices", None, "not set, so tokens are counted and no cost is shown (LLM_PRICE_IN, LLM_PRICE_OUT)")
    else:
        yield Finding("prices", True, f"{settings.llm_price_in:g} USD in, {settings.llm_price_out:g} USD out per million tokens")


def redaction(settings: Settings, options: Options) -> Iterator[Finding]:
    """Whether names and secrets are taken out of what the model reads."""
    if not settings.redact:
        yield Finding("redaction", None, "OFF (REDACT): names and secrets go to the model server as they are")


def model(settings: Settings, options: Options) -> Iterator[Finding]:
    """Whether the model answers, in which format, and how much it reads at once."""
    if settings.llm_base_url == env.BUILT_IN:
        yield Finding("model", None, "the built-in word matcher, which sorts by words alone; LLM_API_BASE_URL names another")
        return
    client = llm_client.LlmClient(llm_client.server_of(settings), workers=1)
    began = time.monotonic()
    try:
        answer = client.ask(_QUESTION, schema=WORD, parse=_word)
    except (Trouble, AnswerUnusable, ContextTooLong, BudgetReached) as error:
        yield Finding("model", False, str(error))
        return
    used, seconds = answer.usage, time.monotonic() - began
    yield Finding("model", True, f"{settings.llm_model} answers in {seconds:.1f} s ({used.prompt} tokens in, {used.completion} out)")
    yield Finding("structured answers", True, _NAMED[client.answer_format])
    size = client.context_tokens()
    said = (
        f"{size} tokens, as the server's list of models says" if size else "the server does not say; long tickets are shortened as needed"
    )
    yield Finding("context", True if size else None, said)


def embeddings(settings: Settings, options: Options) -> Iterator[Finding]:
    """Whether the optional embedding model gives vectors."""
    if settings.embedding_model is None:
        yield Finding("embeddings", None, "not set; candidates are found by words (EMBEDDING_MODEL)")
        return
    try:
        vectors = embedding_client(settings).embed(["ready"])
    except Trouble as error:
        yield Finding("embeddings", False, str(error))
        return
    said = (
        f"{settings.embedding_model} gives vectors of {len(vectors[0])} numbers"
        if vectors
        else "none from this server: check EMBEDDING_MODEL"
    )
    yield Finding("embeddings", bool(vectors), said)


def helpdesk(settings: Settings, options: Options) -> Iterator[Finding]:
    """What the key of the helpdesk may see."""
    client = data_fetcher.client_of(settings)
    share, window_s = settings.freshdesk_rate_share, settings.freshdesk_rate_window_s
    for line in access.describe(client, statuses=settings.freshdesk_statuses, share=share, window_s=window_s):
        yield Finding(*line)


CHECKS: tuple[Check, ...] = (folders, helpdesk, redaction, model, embeddings, prices)


def run(options: Options) -> int:
    """Exit status 0 if all that is set can be used, else 1; prints a line for each finding and the next command."""
    logging.getLogger().setLevel(logging.ERROR)  # what there is to say stands in the lines
    fine = True
    for finding in _findings(options):
        console.show(str(finding))
        fine = fine and finding.fine is not False
    following = command((Job.DRY_RUN if fine else Job.CHECK).value, options.output)
    console.show(f"next: {following}" if fine else f"next: mend what FAILED, then {following}")
    return Exit.DONE if fine else Exit.STOPPED


def _findings(options: Options) -> Iterator[Finding]:
    values, missing, wrong = env.read_settings()
    if missing:
        they = f"{'is' if len(missing) == 1 else 'are'} missing {env.where_they_stand()}"
        yield Finding("settings", False, f"{', '.join(missing)} {they}{env.no_model_yet(missing)}")
    for problem in wrong:
        yield Finding("settings", False, problem)
    if missing or _REQUIRED - values.keys():
        return
    if not wrong:
        yield Finding("settings", True, "all that is required is set")
    for check in CHECKS:
        yield from check(Settings(**values), options)


def _word(text: str) -> str:
    word = extract_json(text).get("word")
    if not isinstance(word, str):
        raise ValueError('the object must be {"word": "ready"}')
    return word


def _unwritable(folder: Path) -> str:
    """Why nothing can be written there, "" if it can; a folder that is not there yet is made by a run, not here."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return ""
    except OSError as error:
        return f"cannot be written ({error.strerror or error})"
