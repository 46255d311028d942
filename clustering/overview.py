"""The second look at the whole: one question over the lines of issues names groups that may be one, and areas; each group is then asked
about with evidence.

Only issues that the run touched, and their nearest, are looked at. People's decisions bound it: what they told apart, placed or wrote is
never merged away. Doubt bars nothing; an unusable answer changes nothing.
"""

import functools
import itertools
import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from clustering.answers import MergeGroup, OverviewAnswer, parse_merge, parse_overview
from clustering.candidates import Candidates, exemplars
from clustering.question import talks_to_model
from clustering.wave import Asking
from knowledge.base import By, KnowledgeBase, in_order, oldest_first
from knowledge.conversation import Conversation, customer_text
from knowledge.decision import DecisionRow
from knowledge.issue import SURE, Issue, in_id_order
from llm.protocol import Answer
from prompts_config import MERGE_SCHEMA, OVERVIEW_SCHEMA

Pair = frozenset[str]

BLOCK_LINES = 60
"""Issues shown at once: a page that a reader still compares line by line (44 were read without a slip)."""
OPEN_BLOCKS = 10  # the last ones, to which more issues may be added
NEAREST = 5
"""Of an issue that the run touched, so many of those most like it are shown: a run of five tickets asks about some thirty lines."""
MAX_AREAS = 15
MERGE_SURE = 0.8
"""A merge needs more than a match: a false one hides a problem."""
MERGE_DOUBTED = 0.5
"""From here on people are asked whether two issues are one."""
MERGE_ISSUES = 8
"""Issues that one merge question shows, in sets of which each is compared within itself. With one set of four a question, bursts of 250
tickets needed more questions than there may be, and kept 15 twins."""
TICKETS_A_QUESTION = 10
"""At the most one merge question for so many decided tickets; less than a tenth of the calls in all orders of all development sets."""
TICKETS_A_BLOCK = 40
"""At the most one block for so many decided tickets where every two issues are to meet. With 50, bursts of 250 tickets kept three twins."""
TICKETS_SHOWN = 3
"""Tickets of each side in a merge question."""


@dataclass(frozen=True, slots=True)
class Merged:
    """One merge that was done: `gone` is now an alias of `kept`."""

    kept: str
    gone: str
    confidence: float
    reason: str


@dataclass(slots=True)
class Overview:
    """One look over the issues that a run touched; `decisions` by ticket, `sizes_before` the issues' sizes when the run began."""

    base: KnowledgeBase
    known: Candidates
    decisions: Mapping[int, DecisionRow]
    sizes_before: Mapping[str, int]
    asking: Asking
    _blocks: list[list[str]] = field(default_factory=list)
    _asked: list["Future[Answer[OverviewAnswer]]"] = field(default_factory=list)
    _groups: list[tuple[str, ...]] = field(default_factory=list)
    _merges: list["Future[Answer[tuple[MergeGroup, ...]]]"] = field(default_factory=list)
    _shown: dict[str, bool] = field(default_factory=dict)

    def begin(self, decided: int) -> None:
        """Put the overview's questions; where no area is known and one block is not enough, that of the largest issues goes first."""
        touched = [issue for issue in self.base.changed_issues() if self._is_shown(issue)]
        self._blocks = [block for block in self._in_blocks(touched, decided // TICKETS_A_BLOCK) if len(block) > 1]
        self._ask_blocks(len(self._blocks) if self._areas() else 1)

    def take(self) -> None:
        """Take the answers: areas are filled in, groups kept. Blocks that waited for the first names of areas are asked then."""
        self._take_blocks()
        if self._blocks and self.asking.ended is None:
            self._ask_blocks(len(self._blocks))
            self._take_blocks()

    def begin_merges(self, decided: int) -> None:
        """Ask about the suspects, the surest first, at most one question for ten decided tickets."""
        for sets in packed(cliques(self.suspects(), size=MERGE_ISSUES), MERGE_ISSUES)[: max(1, -(-decided // TICKETS_A_QUESTION))]:
            shown = [in_id_order(self.base.issues[name] for name in names) for names in sets]
            tickets = {issue.issue_id: self._tickets(issue) for issues in shown for issue in issues}
            messages, parse = self.asking.prompts.merge_messages(shown, tickets), functools.partial(parse_merge, sets=sets)
            self._merges.append(self.asking.put(messages, schema=MERGE_SCHEMA, parse=parse))

    def merge(self) -> list[Merged]:
        """Merge what is surely one, and ask people about what may be."""
        answers = [self.asking.answer(future, about="issues") for future in self._merges]
        done: list[Merged] = []
        for group in sorted(
            (group for answer in answers for group in answer or ()), key=lambda group: (-group.confidence, group.issue_ids)
        ):
            for kept, gone in self._to_merge(group):
                if self.base.may_merge(kept, gone):
                    self.base.merge(kept, gone, by=By.MODEL)
                    done.append(Merged(kept.issue_id, gone.issue_id, group.confidence, group.reason))
            if MERGE_DOUBTED <= group.confidence < MERGE_SURE:
                for first, second in itertools.combinations(self._present(group), 2):
                    self.base.ask_people(first, second, group.confidence)
        return done

    def _to_merge(self, group: MergeGroup) -> Iterator[tuple[Issue, Issue]]:
        """Pairs of a group, the older issue first: of a sure group all with the oldest.

        Of another one, a single ticket that was unsure about one of its issues, with that: for this, what is enough for a match is enough.
        """
        issues = oldest_first(self._present(group))
        if group.confidence >= MERGE_SURE:
            yield from ((issues[0], other) for other in issues[1:])
        elif group.confidence >= SURE:
            for issue in issues:
                meant = self.base.issues.get(self.base.names.get(issue.held_back or "", ""))
                if len(issue.tickets) == 1 and meant is not None and meant.issue_id in group.issue_ids:
                    older, younger = oldest_first((meant, issue))
                    yield older, younger

    def suspects(self) -> dict[Pair, float]:
        """Pairs that may be one, with how much speaks for it: the overview, and unsure tickets."""
        found: defaultdict[Pair, float] = defaultdict(float)
        for group in self._groups:
            for pair in itertools.combinations(group, 2):
                found[frozenset(pair)] += 1
        for meant, waiting in self._held_back().items():
            for start in range(0, len(waiting), MERGE_ISSUES - 1):
                sure = {meant: 1.0, **dict(waiting[start : start + MERGE_ISSUES - 1])}
                for one, other in itertools.combinations(sure, 2):
                    found[frozenset((one, other))] += min(sure[one], sure[other])
        return {both: round(score, 6) for both, score in found.items() if self._may_ask(*in_order(both))}

    def _held_back(self) -> dict[str, list[tuple[str, float]]]:
        """By the id of an issue, those that tickets founded which were unsure about it, the surest first."""
        found: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
        for issue in self.base.changed_issues():
            meant = self.base.names.get(issue.held_back or "", issue.issue_id)
            if meant != issue.issue_id:
                found[meant].append((issue.issue_id, max(issue.unsure.values(), default=issue.confidence)))
        return {meant: sorted(waiting, key=lambda entry: -entry[1]) for meant, waiting in found.items()}

    def _in_blocks(self, touched: Sequence[Issue], most: int) -> list[list[str]]:
        """Blocks of names that hold every touched issue and its nearest, the largest issues first.

        Where `most` blocks are enough for it, every two issues meet in one; else each touched issue stands in one with its nearest.
        """
        near = {issue.issue_id: self._near(issue) for issue in sorted(touched, key=lambda issue: -len(issue.tickets))}
        names = list(dict.fromkeys([*near, *itertools.chain.from_iterable(near.values())]))
        parts = [names[at : at + BLOCK_LINES // 2] for at in range(0, len(names), BLOCK_LINES // 2)]
        blocks = [{*first, *second} for first, second in itertools.combinations(parts, 2)] or [set(names)]
        if len(blocks) > max(1, most):
            blocks = []
            for name, others in near.items():
                shown = {name, *others}
                fitting = [block for block in blocks[-OPEN_BLOCKS:] if len(block | shown) <= BLOCK_LINES]
                if fitting:
                    max(fitting, key=lambda block: len(block & shown)).update(shown)
                else:
                    blocks.append(shown)
        return [in_order(block) for block in blocks]

    def _near(self, issue: Issue) -> list[str]:
        return [other for other in self.known.nearest(issue, NEAREST) if self._is_shown(self.base.issues[other])]

    def _ask_blocks(self, count: int) -> None:
        areas = self._areas()
        for names in self._blocks[:count]:
            issues = [self.base.issues[name] for name in names]
            messages, parse = self.asking.prompts.overview_messages(issues, areas), functools.partial(parse_overview, offered=names)
            self._asked.append(self.asking.put(messages, schema=OVERVIEW_SCHEMA, parse=parse))
        del self._blocks[:count]

    def _take_blocks(self) -> None:
        answers = [self.asking.answer(future, about="issues") for future in self._asked]
        self._asked.clear()
        for answer in answers:
            if answer is not None:
                self._groups += [group for group in answer.groups if all(name in self.base.issues for name in group)]
                self._fill_areas(answer.areas)

    def _areas(self) -> list[str]:
        return sorted({issue.area for issue in self.base.issues.values() if issue.area})

    def _fill_areas(self, areas: Mapping[str, str]) -> None:
        """Fill in what is missing, in known names where they are the same, `MAX_AREAS` of them at the most."""
        known = {area.casefold(): area for area in self._areas()}
        for name in in_order(areas):
            area = known.get(areas[name].casefold(), areas[name])
            if name in self.base.issues and (area.casefold() in known or len(known) < MAX_AREAS):
                known.setdefault(area.casefold(), area)
                self.base.sort_in(self.base.issues[name], area=area)

    def _may_ask(self, first: str, second: str) -> bool:
        """True for two issues whose merge would undo nothing of people's, and which people are not asked about already."""
        one, other = self.base.issues[first], self.base.issues[second]
        if not self._is_shown(one) or not self._is_shown(other) or not self.base.may_merge(one, other):
            return False
        doubled = any(len(issue.tickets) >= 2 * self.sizes_before.get(issue.issue_id, 0) for issue in (one, other))
        return doubled or second not in one.may_be_one

    def _is_shown(self, issue: Issue) -> bool:
        """False for an issue of a ticket that states no problem, and of nothing but unsure tickets whose text talks to the model.

        Those a person looks at before they change another issue.
        """
        if issue.held_back == "" or set(issue.tickets) - issue.unsure.keys():
            return issue.held_back != ""
        if issue.issue_id not in self._shown:
            stored = self.known.conversations(exemplars(issue, TICKETS_SHOWN))
            self._shown[issue.issue_id] = not stored or not all(talks_to_model(conversation) for conversation in stored)
        return self._shown[issue.issue_id]

    def _tickets(self, issue: Issue) -> list[str]:
        """A few tickets in the model's own sentence, with what an agent said; text that talks to the model is not passed on."""
        stored = self.known.conversations(exemplars(issue, 2 * TICKETS_SHOWN))
        return [self._told(entry) for entry in stored if not talks_to_model(entry)][:TICKETS_SHOWN]

    def _told(self, conversation: Conversation) -> str:
        row = self.decisions.get(conversation["ticket_id"])
        said = (row.short_description if row else "") or conversation["subject"]
        agents = {n: m["text"] for n, m in enumerate(conversation["conversation"], start=1) if m["speaker"] == "agent"}
        named = [agents[number] for number in (row.evidence if row else ()) if number in agents]
        parts = {"customer": customer_text(conversation), "agent": max(named or list(agents.values()), key=len, default="")}
        return " / ".join([_at_words(said, 160), *(f"{who}: {_at_words(text, 320)}" for who, text in parts.items() if text)])

    def _present(self, group: MergeGroup) -> list[Issue]:
        return [self.base.issues[name] for name in group.issue_ids if name in self.base.issues]


def cliques(pairs: Mapping[Pair, float], *, size: int) -> list[list[str]]:
    """Sets of at most `size` names of which every two are a pair, so that nothing is a chain; each pair stands in one.

    The surest pairs come first, and those of two names that stand in sets already come last: questions are few, and every name is to
    be asked about before one is asked about twice.

    >>> cliques({frozenset("ab"): 1.0, frozenset("bc"): 0.9, frozenset("ac"): 0.8, frozenset("cd"): 0.5}, size=4)
    [['a', 'b', 'c'], ['c', 'd']]
    """
    found: list[set[str]] = []
    placed: set[str] = set()
    surest_first = sorted(pairs, key=lambda pair: (-pairs[pair], in_order(pair)))
    for again in (False, True):
        for pair in surest_first:
            if (pair <= placed and not again) or any(pair <= names for names in found):
                continue
            placed |= pair
            for names in found:
                if len(names | pair) <= size and all(frozenset(two) in pairs for two in itertools.combinations(names | pair, 2)):
                    names |= pair
                    break
            else:
                found.append(set(pair))
    return [in_order(names) for names in found]


def packed(sets: Sequence[Sequence[str]], room: int) -> list[list[Sequence[str]]]:
    """Sets of names, put together in order where there is room for so many names; no name stands in two sets put together.

    >>> packed([["a", "b", "c"], ["c", "d"], ["e", "f"], ["g", "h"]], 7)
    [[['a', 'b', 'c'], ['e', 'f'], ['g', 'h']], [['c', 'd']]]
    """
    questions: list[list[Sequence[str]]] = []
    for names in sets:
        for question in questions:
            shown = set().union(*question)
            if shown.isdisjoint(names) and len(shown) + len(names) <= room:
                question.append(names)
                break
        else:
            questions.append([names])
    return questions


def _at_words(text: str, max_chars: int) -> str:
    """The beginning of a text, as many whole words as fit."""
    return textwrap.shorten(text, max_chars, placeholder=" …")
