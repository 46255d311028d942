"""Whether an answer says in words what it says by id: weak models slip to a wrong number, or call NEW what they describe as a known issue.

Pure. Asks nothing and decides nothing: it names the few issues between which an answer wavers.
"""

from collections.abc import Mapping, Sequence

from issue_db import Issue
from model_answers import DecisionAnswer
from text_weights import WordWeights, cosine, words

SAYS_THE_SAME = 0.6
"""From this likeness on, two descriptions may be of one problem."""

LEAD = 0.3
"""So much nearer than the issue that was named must another one be."""

TIMES_LIKELIER = 1.5
"""And so many times as much must the ticket have in common with it."""

SHOWN = 3
"""So many issues nearest to the answer's description stand in the second question."""


def contested(answer: DecisionAnswer, offered: Sequence[Issue], likeness: Mapping[str, float]) -> list[Issue]:
    """The few issues to ask about once more, in the order of `offered`; empty where the answer does not waver.

    An answer wavers when a known issue's description is much nearer to what it says of the ticket than that of the issue it names, and the
    ticket's words (`likeness` by issue id) do not speak for the named one either.
    """
    weights = WordWeights()
    told = {issue.issue_id: words(issue.short_description or issue.category) for issue in offered}
    for terms in told.values():
        weights.add(terms)
    said = weights.vector(words(answer.card.short_description))
    near = {issue_id: round(cosine(said, weights.vector(terms)), 6) for issue_id, terms in told.items()}
    ranked = sorted(near, key=lambda issue_id: -near[issue_id])
    named = answer.issue_id or ""
    if not ranked or near[ranked[0]] < max(SAYS_THE_SAME, near.get(named, 0.0) + LEAD):
        return []
    if named and likeness.get(ranked[0], 0.0) <= TIMES_LIKELIER * likeness.get(named, 0.0):
        return []
    return [issue for issue in offered if issue.issue_id in (*ranked[:SHOWN], named)]
