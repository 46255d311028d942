"""What a run works with, made once from settings and options: clients, store, workers, prompts, clusterer.

Opens things and has them closed at the end; does nothing with them.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import data_fetcher
import llm_client
from cli.console import Progress
from cli.options import Job, Options
from cli.prompt_debug import Shown
from cli.source import ConversationSource
from common import files as safe_files
from common.pool import WorkerPool, at_once
from env import Settings
from issue_clusterer import IssueClusterer
from knowledge import issue, written
from knowledge.issue import Stored
from knowledge.paths import RunFiles
from llm.batch import BatchRounds
from llm.connection import Server
from llm.embeddings import LOCAL, EmbeddingClient, LocalModel
from llm.protocol import Answer, Ask, JsonSchema, Messages
from llm.store import AnswerStore
from llm_client import LlmClient
from prompts_config import Prompts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parts:
    """What one run works with."""

    options: Options
    settings: Settings
    source: ConversationSource
    store: AnswerStore
    model: LlmClient
    clusterer: IssueClusterer
    fetching: WorkerPool
    progress: Progress
    looking: Shown | None = None


def wire(options: Options, settings: Settings, cleanup: contextlib.ExitStack, *, stored: Stored) -> Parts:
    """A run's parts on the database as it was `stored`, locked if the run writes; `cleanup` closes all of it."""
    files, stored = _locked(options, settings, cleanup, stored)
    written.warn_of_changes(files)
    progress, store = Progress(shown=options.job is not Job.PROMPT_DEBUG), AnswerStore(options.cache)
    asking, fetching = WorkerPool(settings.llm_workers, name="asking"), WorkerPool(settings.batch_size, name="fetching")
    for part in (progress, store, asking, fetching):
        cleanup.callback(part.close)
    model = LlmClient(
        llm_client.server_of(settings),
        workers=settings.llm_workers,
        store=store,
        max_tokens_total=options.max_tokens_total,
        max_cost=options.max_cost,
        on_wait=progress.wait,
    )
    source = ConversationSource(
        settings,
        data_fetcher.client_of(settings, on_wait=progress.wait),
        options.conversations,
        options.refresh,
        cache=options.cache,
        statuses=settings.freshdesk_statuses if options.selection().by_status else (),
    )
    looking = Shown(model.ask) if options.job is Job.PROMPT_DEBUG else None
    rounds = BatchRounds(model.stored, model.request)
    clusterer = IssueClusterer(
        files,
        ask=looking or _counted(rounds.ask if options.batch_export else model.ask, progress),
        prompts=Prompts(product_context=settings.product_context, categories=settings.categories, language=settings.language),
        conversation_of=lambda ticket_id: source.shown(ticket_id, clusterer.decisions),
        embed=embedding_client(settings, store).embed if settings.embedding_model else None,
        submit=at_once if options.batch_export else asking.submit,
        model=settings.llm_model,
        decide_ignored=options.ticket_ids is not None,
        wave_tickets=options.most_in_a_wave,
        stored=stored,
    )
    return Parts(options, settings, source, store, model, clusterer, fetching, progress, looking)


def _locked(options: Options, settings: Settings, cleanup: contextlib.ExitStack, stored: Stored) -> tuple[RunFiles, Stored]:
    """The files, locked if the run writes, and the database as it is under the lock."""
    files = RunFiles(options.output, settings.csv_separator)
    if not options.reads_only:
        cleanup.enter_context(files.locked())
        if safe_files.sha256(files.database) != stored.sha256:  # another run ended in between
            return files, issue.load_stored(files.database)
    return files, stored


def _counted(ask: Ask, progress: Progress) -> Ask:
    """The same asking; each answer is one more step of its phase."""

    def asking(messages: Messages, *, schema: JsonSchema, parse: Callable[[str], T]) -> Answer[T]:
        answer = ask(messages, schema=schema, parse=parse)
        progress.answered(schema["name"])
        return answer

    return asking


def embedding_client(settings: Settings, store: AnswerStore | None = None) -> EmbeddingClient | LocalModel:
    """The embeddings server that the settings name, or the model on this machine; vectors are kept in `store`."""
    if settings.embedding_model == LOCAL:
        return LocalModel(notes=store)
    server = Server(
        settings.embedding_api_base_url or settings.llm_base_url,
        settings.embedding_api_key or settings.llm_api_key,
        settings.embedding_model or "",
        timeout_s=settings.llm_timeout_s,
        secrets=settings.secrets,
    )
    return EmbeddingClient(server, notes=store)
