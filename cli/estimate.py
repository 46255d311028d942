"""What a run would do, take and cost, before it does: for `--dry-run`. Asks no model, fetches no ticket and writes nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import env
from cli.source import ConversationSource
from clustering.candidates import CANDIDATES
from common import files
from common.errors import Unreadable
from common.text import CHARS_PER_TOKEN, counted
from conversation_utils import Conversation
from env import Settings
from issue_clusterer import IssueClusterer
from prompts_config import conversation_text

CANDIDATE_TOKENS = 45
ANSWER_TOKENS = 180
UNKNOWN_TICKET_TOKENS = 600
OVERVIEW_SHARE = 0.25
"""Overview, merges and cards, as a share of the questions about tickets."""
CALL_S = 4.0
"""Seconds of a model call where no run before this one tells."""
FETCH_S = 0.8
"""Seconds of a ticket at the pace that a small Freshdesk plan allows (80 % of 100 calls a minute)."""
BUILT_IN_CALL_S = 0.02
TELLING_CALLS = 10


def describe(
    tickets: Sequence[Mapping[str, Any]],
    source: ConversationSource,
    clusterer: IssueClusterer,
    settings: Settings,
    *,
    known: int = 0,
) -> str:
    """A few lines: tickets listed, known and to be decided, then calls, minutes, tokens and, if prices are known, cost.

    `known` tickets were listed too and are in the database.
    """
    stored = [source.stored(ticket["ticket_id"]) for ticket in tickets]
    here = [conversation for conversation in stored if conversation is not None]
    deciding = len(tickets) - sum(conversation["ignored"] is not None for conversation in here)
    calls = round(deciding * (1 + OVERVIEW_SHARE))
    tokens_in, tokens_out = round(calls * _prompt_tokens(here, clusterer)), calls * ANSWER_TOKENS
    seconds = max(calls * _call_s(clusterer.files.run_report, settings), (len(tickets) - len(here)) * FETCH_S)
    key = "" if settings.llm_base_url == env.BUILT_IN else "; whether the model's key works is told by --check"
    listed = f"{len(tickets) + known} listed, {known} known (free), {deciding} to decide"
    return "\n".join(
        [
            f"{listed}, {_minutes(seconds)}, {_cost(settings, tokens_in, tokens_out)}",
            f"{counted(len(tickets) - len(here), 'conversation')} to fetch, {len(here)} stored in {source.folder}",
            f"about {calls} model calls, {tokens_in} tokens in, {tokens_out} out, before prefix caching and stored answers",
            f"nothing was asked and nothing was written (--dry-run){key}",
        ]
    )


def _call_s(run_report: Path, settings: Settings) -> float:
    """Seconds from one call to the next: as the last run with enough calls had it, else a guess with all workers busy."""
    try:
        told = files.parse_json(files.read_text(run_report) or "", name=run_report.name)
        calls, seconds = told["model_calls"]["calls"], told["duration_s"]
        if calls >= TELLING_CALLS and seconds > 0:
            return float(seconds) / float(calls)
    except (Unreadable, ValueError, KeyError, TypeError):
        pass
    return BUILT_IN_CALL_S if settings.llm_base_url == env.BUILT_IN else CALL_S / settings.llm_workers


def _minutes(seconds: float) -> str:
    """Seconds in words, as roughly as they are known.

    >>> _minutes(20), _minutes(200), _minutes(9000)
    ('less than a minute', 'about 3 minutes', 'about 2.5 hours')
    """
    if seconds < 60:
        return "less than a minute"
    minutes = round(seconds / 60)
    return f"about {minutes} minute{'' if minutes == 1 else 's'}" if minutes < 90 else f"about {seconds / 3600:.1f} hours"


def _cost(settings: Settings, tokens_in: int, tokens_out: int) -> str:
    if settings.llm_base_url == env.BUILT_IN:
        return "free, on this machine"
    if settings.llm_price_in is None or settings.llm_price_out is None:
        return "cost unknown (set LLM_PRICE_IN and LLM_PRICE_OUT, USD per million tokens)"
    return f"{(tokens_in * settings.llm_price_in + tokens_out * settings.llm_price_out) / 1_000_000:.2f} USD"


def _prompt_tokens(known: Sequence[Conversation], clusterer: IssueClusterer) -> float:
    """Tokens of one prompt: the fixed part, the candidates, and a ticket of the mean length."""
    lengths = [len(conversation_text(conversation)) / CHARS_PER_TOKEN for conversation in known]
    ticket = sum(lengths) / len(lengths) if lengths else UNKNOWN_TICKET_TOKENS
    growing = min(CANDIDATES, len(clusterer.issues) + CANDIDATES / 2)
    return clusterer.prompts.fixed_tokens + growing * CANDIDATE_TOKENS + ticket
