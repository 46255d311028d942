"""Whether the right issue is among those that would be offered: recall@k on labelled conversations, placed by label; no model is asked.

    python -m benchmarks.recall star.s300.jsonl.gz banking77_longtail.s1500.jsonl.gz
    python -m benchmarks.recall --vectors --languages star.s300.jsonl.gz

Each file is JSON lines of `{"id", "subject", "messages": [{"speaker", "text"}], "label"}`, gzip or not. Each conversation is searched for
before it is placed, if its label has an issue; where no more than k issues are known all are offered, and the right one counts as found.
`--languages` adds the sentences in ten languages of `testing/languages.json` and the sample tickets that are not in English, each against
issues of English tickets. `--vectors` ranks by `EMBEDDING_MODEL=local` as well (requirements-local.txt).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from clustering.candidates import Candidates, TicketText
from clustering.vectors import Embed
from conversation_utils import build_conversation
from knowledge.base import By, KnowledgeBase
from knowledge.conversation import Conversation, customer_text
from knowledge.issue import Card
from llm.embeddings import LocalModel
from testing.helpdesk import load_tickets
from testing.labelled_run import LabelledSet, LabelsUnusable, load_set
from testing.simulated_models import SimulatedModel

KS = (1, 5, 12, 20, 26)
SENTENCES = Path(__file__).resolve().parent.parent / "testing" / "languages.json"
GOLD = SENTENCES.parent.parent / "demo" / "gold.json"
OTHER_LANGUAGES = (1124, 1197, 1268, 1291, 1316, 1340, 1362, 1452, 1484, 1544, 1627, 1640, 1659, 1681, 2064)
"""Sample tickets in German, Spanish and Arabic."""


@dataclass(slots=True)
class Shelf:
    """Issues by label, and the places at which searches found the right one."""

    known: Candidates
    base: KnowledgeBase
    issues: dict[str, str] = field(default_factory=dict)
    places: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, conversations: Sequence[Conversation], embed: Embed | None) -> "Shelf":
        """No issue yet; the conversations are what can be read later."""
        base = KnowledgeBase()
        stored = {conversation["ticket_id"]: conversation for conversation in conversations}
        return cls(Candidates(base, conversation_of=stored.get, embed=embed), base)

    def search(self, conversation: Conversation, label: str) -> None:
        """Note at which place the issue of the label is found, if there is one."""
        if label in self.issues:
            found = self.known.search(TicketText.of(conversation).text, max(KS), ticket_id=conversation["ticket_id"])
            place = found.index(self.issues[label]) if self.issues[label] in found else max(KS)
            self.places.append((place, len(self.issues)))

    def put(self, conversation: Conversation, label: str, card: Card) -> None:
        """Place a conversation under its label's issue, which it founds if there is none."""
        ticket = conversation["ticket_id"]
        if label in self.issues:
            self.base.place(ticket, self.issues[label], by=By.MODEL, confidence=0.95)
        else:
            self.issues[label] = self.base.found(ticket, card, confidence=0.95, by=By.MODEL).issue_id

    def recall(self) -> list[float]:
        """The share of searches with the right issue among the first k, for each k."""
        return [fmean(place < k or issues <= k for place, issues in self.places) if self.places else 1.0 for k in KS]


def of_set(data: LabelledSet, embed: Embed | None = None) -> list[float]:
    """recall@k over a labelled set in its order."""
    model, shelf = SimulatedModel.of(data, "perfect"), Shelf.of(data.conversations, embed)
    for conversation in data.conversations:
        ticket = conversation["ticket_id"]
        shelf.search(conversation, data.labels[ticket])
        shelf.put(conversation, data.labels[ticket], model.card(ticket))
    return shelf.recall()


def of_sentences(embed: Embed | None = None) -> list[float]:
    """recall@k of sentences in other languages, each against all issues of English ones."""
    topics = json.loads(SENTENCES.read_text(encoding="utf-8"))
    talks = [(topic, language, text) for topic, said in topics.items() for language, text in _flat(said)]
    return _others_last([(_talk(number, text), topic, language != "en") for number, (topic, language, text) in enumerate(talks, 1)], embed)


def of_samples(embed: Embed | None = None) -> list[float]:
    """recall@k of the sample tickets in other languages against issues of the English ones."""
    gold = {int(ticket): label for ticket, label in json.loads(GOLD.read_text(encoding="utf-8")).items() if label}
    talks = [build_conversation(ticket) for ticket in load_tickets() if ticket["id"] in gold]
    return _others_last([(talk, gold[talk["ticket_id"]], talk["ticket_id"] in OTHER_LANGUAGES) for talk in talks], embed)


def _others_last(talks: Sequence[tuple[Conversation, str, bool]], embed: Embed | None) -> list[float]:
    shelf = Shelf.of([talk for talk, _, _ in talks], embed)
    for talk, label, other in talks:
        if not other:
            shelf.put(talk, label, Card(talk["subject"] or customer_text(talk)[:80], customer_text(talk)[:150]))
    for talk, label, other in talks:
        if other:
            shelf.search(talk, label)
    return shelf.recall()


def _flat(said: dict[str, str | list[str]]) -> Iterator[tuple[str, str]]:
    for language, texts in said.items():
        yield from ((language, text) for text in ([texts] if isinstance(texts, str) else texts))


def _talk(number: int, text: str) -> Conversation:
    return build_conversation({"id": number, "subject": "", "description_text": text, "conversations": []})


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each set; 2 for files that cannot be used or a missing package."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("files", nargs="*", type=Path, help="labelled conversations, JSON lines")
    parser.add_argument("--orders", type=int, default=3, help="how many orders of the conversations; the first is the file's")
    parser.add_argument("--first", type=int, help="only the first N conversations of each file")
    parser.add_argument("--languages", action="store_true", help="also tickets in other languages")
    parser.add_argument("--vectors", action="store_true", help="rank by vectors of the model of requirements-local.txt as well")
    args = parser.parse_args(argv)
    try:
        embed = LocalModel().embed if args.vectors else None
        print(f"{'':28}" + "".join(f"  @{k:<5}" for k in KS))
        if args.languages:
            _show("sentences in ten languages", of_sentences(embed))
            _show("sample tickets, not English", of_samples(embed))
        for data in (load_set(path, first=args.first) for path in args.files):
            found = [of_set(data.shuffled(seed), embed) for seed in range(args.orders)]
            _show(data.name, [fmean(values) for values in zip(*found, strict=True)])
    except (LabelsUnusable, ModuleNotFoundError) as error:
        print(f"recall: {error}", file=sys.stderr)
        return 2
    return 0


def _show(name: str, recall: Sequence[float]) -> None:
    print(f"{name:28}" + "".join(f"  {value:.4f}" for value in recall), flush=True)


if __name__ == "__main__":
    sys.exit(main())
