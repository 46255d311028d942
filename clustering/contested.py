"""Whether an answer says in words what it says by id: weak models slip to a wrong number, or call NEW what they describe as a known issue.

Pure. Asks nothing and decides nothing: it names the few issues between which an answer wavers.
"""

from collections.abc import Mapping, Sequence

from clustering.answers import DecisionAnswer
from clustering.words import WordWeights, cosine, words
from knowledge.issue import Issue

LEAD = 0.4
"""By so much more must the words speak for another issue than for the one that the answer names."""

FOR_NEW = 0.4
"""What speaks for NEW, which has no words to compare."""

SAME_NAME = 0.4
"""What it says for an issue that a NEW answer takes its name as category: a new issue would need a name of its own."""

HELD = 0.15
"""From this likeness on, the ticket's own words hold it in the issue that the answer names."""

SHOWN = 3
"""So many issues that the words speak most for stand in the second question."""


def contested(answer: DecisionAnswer, offered: Sequence[Issue], likeness: Mapping[str, float], *, names_tell: bool = True) -> list[Issue]:
    """The few issues to ask about once more, in the order of `offered`; empty where the answer does not waver.

    An answer wavers when the words speak much more for another known issue than for what it names: how near that issue's description is
    to what the answer says of the ticket (0 to 1), and what the ticket has in common with its tickets (`likeness` by issue id, 0 to 1).
    `names_tell` is false where categories come from a closed list, so that many issues share one. Where nothing can be left out of
    `offered`, there is nothing new to ask.
    """
    named = answer.issue_id or ""
    if not offered or likeness.get(named, 0.0) >= HELD:
        return []
    support = _support(answer, offered, likeness, names_tell=names_tell)
    ranked = sorted(support, key=lambda issue_id: -support[issue_id])
    if support[ranked[0]] < support.get(named, FOR_NEW) + LEAD:
        return []
    between = [issue for issue in offered if issue.issue_id in (*ranked[:SHOWN], named)]
    return between if len(between) < len(offered) else []


def _support(answer: DecisionAnswer, offered: Sequence[Issue], likeness: Mapping[str, float], *, names_tell: bool) -> dict[str, float]:
    """By issue id, what the words of the answer and of the ticket say for it."""
    weights = WordWeights()
    told = {issue.issue_id: words(issue.card.short_description or issue.card.category) for issue in offered}
    for terms in told.values():
        weights.add(terms)
    said = weights.vector(words(answer.card.short_description))
    borrowed = words(answer.card.category) if names_tell and answer.issue_id is None else []
    return {
        issue.issue_id: round(
            cosine(said, weights.vector(told[issue.issue_id]))
            + likeness.get(issue.issue_id, 0.0)
            + (SAME_NAME if borrowed and borrowed == words(issue.card.category) else 0.0),
            6,
        )
        for issue in offered
    }
