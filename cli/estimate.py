"""What a run would do and cost, before it does: for `--dry-run`. Asks no model, fetches no ticket and writes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any

from cli.source import ConversationSource
from clustering.issue_memory import CANDIDATES
from conversation_utils import Conversation
from env import Settings
from issue_clusterer import IssueClusterer
from prompts_config import CHARS_PER_TOKEN, conversation_text

CANDIDATE_TOKENS = 45
ANSWER_TOKENS = 180
UNKNOWN_TICKET_TOKENS = 600
SECOND_LOOK_SHARE = 0.25
"""Second askings, merges and cards, as a share of the first askings."""


def describe(tickets: Sequence[Mapping[str, Any]], source: ConversationSource, clusterer: IssueClusterer, settings: Settings) -> str:
    """A few lines: tickets to decide, to fetch, and the estimated calls, tokens and, if prices are known, cost."""
    stored = [source.stored(ticket["ticket_id"]) for ticket in tickets]
    known = [conversation for conversation in stored if conversation is not None]
    deciding = len(tickets) - sum(conversation["ignored"] is not None for conversation in known)
    calls = round(deciding * (1 + SECOND_LOOK_SHARE))
    tokens_in = round(calls * _prompt_tokens(known, clusterer))
    tokens_out = calls * ANSWER_TOKENS
    lines = [
        f"would decide {deciding} tickets ({len(tickets) - len(known)} to be fetched, {len(known)} stored in {source.folder})",
        f"about {calls} model calls, {tokens_in} tokens in, {tokens_out} tokens out, before prefix caching and stored answers",
    ]
    if settings.llm_price_in is not None and settings.llm_price_out is not None:
        cost = (tokens_in * settings.llm_price_in + tokens_out * settings.llm_price_out) / 1_000_000
        lines.append(f"about {cost:.2f} USD at your prices")
    else:
        lines.append("cost unknown: set LLM_PRICE_IN and LLM_PRICE_OUT (USD per million tokens)")
    return "\n".join([*lines, "nothing was asked and nothing was written (--dry-run)"])


def _prompt_tokens(known: Sequence[Conversation], clusterer: IssueClusterer) -> float:
    """Tokens of one prompt: the fixed part, the candidates, and a ticket of the mean length."""
    lengths = [len(conversation_text(conversation)) / CHARS_PER_TOKEN for conversation in known]
    ticket = sum(lengths) / len(lengths) if lengths else UNKNOWN_TICKET_TOKENS
    growing = min(CANDIDATES, len(clusterer.issues) + CANDIDATES / 2)
    return clusterer.prompts.fixed_tokens + growing * CANDIDATE_TOKENS + ticket
