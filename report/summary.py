"""A run in words, for the terminal: a few lines for a Monday morning, and what was not done with the next step. Decides nothing."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from common.errors import Ended
from common.text import counted, for_terminal, thousands
from knowledge.decision import FAILURES_TO_SET_ASIDE
from knowledge.issue import Issue, sort_key
from knowledge.paths import command
from report.reading import Reading
from report.run_report import RunReport
from report.trends import Trends

TOP = 3
SHOWN_FAILURES = 20
SHOWN_REASONS = 4


def render(report: RunReport, reading: Reading, page: Path) -> str:
    """What came in, what wants a look, what moves, what it cost, what to do next; `reading` is of the whole database."""
    known = f"{thousands(report.already_known)} known already; " if report.already_known else ""
    lines = [
        _came_in(report, reading.issues),
        f"{reading.looks}; {counted(len(reading.issues), 'issue')} in all",
        _biggest(reading.issues),
        *_moving(reading.trends),
        f"{known}{_duration(report.duration_s)}; {_tokens(report)}",
        *not_done_lines(report),
    ]
    if not (report.all_failed and report.incomplete):  # else the last line, on stderr, says what helps
        lines.append(f"Next: {_help(report) if report.all_failed else f'open {page}'}")
    return "\n".join(["", *(line for line in lines if line)])


def not_done_line(report: RunReport) -> str:
    """One line on what was not done, and the next step."""
    rest = "none could be decided" if report.all_failed else "the rest is saved"
    parts = [
        f"{counted(len(report.failures))} failed, {rest}" if report.failures else "",
        f"{len(report.gaps)} gaps in the list of tickets: {report.gaps[0]}" if report.gaps else "",
        report.how_it_ended if report.ended in (Ended.BUDGET, Ended.STOPPED) else "",
    ]
    step = f"try again with: {report.retry}" if report.failures else "run the same command again"
    return "; ".join([*filter(None, parts), _help(report) if report.all_failed or _nothing_but_missing(report) else step])


def not_done_lines(report: RunReport) -> list[str]:
    """Lines on what was not done and how to do it."""
    lines = [*report.gaps, *_failures(report)]
    if report.set_aside:
        why = "".join(f" (ticket {row.ticket_id}: {for_terminal(row.reason)})" for row in report.newly_aside[:1])
        lines.append(f"set aside after failing in the same words in {FAILURES_TO_SET_ASIDE} runs: {counted(len(report.set_aside))}{why}")
        lines.append(f"  try them again: {report.command(report.set_aside)}")
    if report.filled:
        waiting = f"of the review list {'is' if report.filled == 1 else 'are'} filled in and not applied yet"
        lines.append(f"{counted(report.filled, 'row')} {waiting}: {command('--apply-review', report.output)}")
    if report.changed:
        lines.append(f"{counted(len(report.changed))} of the database changed in Freshdesk since; to look again: {report.look_again}")
    return lines


def _failures(report: RunReport) -> list[str]:
    failures, once = report.failures, ", once that is mended" if report.all_failed else ""
    if not failures:
        return []
    lines = ["failed:", *(f"  ticket {row.ticket_id}: {for_terminal(row.reason)}" for row in failures[:SHOWN_FAILURES])]
    lines += [f"  and {len(failures) - SHOWN_FAILURES} more (run_report.json)"] if len(failures) > SHOWN_FAILURES else []
    return lines if _nothing_but_missing(report) else [*lines, f"  try them again{once}: {report.retry}"]


def _missing(report: RunReport) -> int:
    """How many of the numbers that failed are no ticket, or none for this key: trying again would not help."""
    return sum("no such ticket" in row.reason for row in report.failures)


def _nothing_but_missing(report: RunReport) -> bool:
    """True when that is all that was not done."""
    return bool(report.failures) and _missing(report) == len(report.failures) and not report.gaps


def _help(report: RunReport) -> str:
    """What helps where nothing could be decided: the same command would fail in the same way."""
    if _nothing_but_missing(report):
        return "check the number: there is no such ticket, or this key may not see it"
    one = f"--ticket-ids {min(report.rows)} --prompt-debug shows what became of one ticket"
    return f"python -m main --check tests every setting; {one}"


def _came_in(report: RunReport, issues: Mapping[str, Issue]) -> str:
    """Every decided ticket once: in a known issue, in a new one, in none, or not read."""
    fresh = [issue for issue in issues.values() if issue.tickets and all(ticket in report.rows for ticket in issue.tickets)]
    in_fresh = sum(len(issue.tickets) for issue in fresh)
    ignored, missing = report.outcomes["ignored"], _missing(report)
    failed, tickets = report.outcomes["failed"] - missing, len(report.rows) - missing
    fits = tickets - in_fresh - ignored - failed
    parts = [
        f"{fits} fit known issues" if fits else "",
        f"{in_fresh} are in {counted(len(fresh), 'new issue')}" if fresh else "",
        f"{ignored} hold no issue ({_reasons(report)})" if ignored else "",
        f"{failed} could not be read or decided" if failed else "",
    ]
    said = ", ".join(part for part in parts if part)
    came = f"{counted(tickets)} decided again" if report.reprocess else counted(tickets, "new ticket")
    none = f"; {counted(missing, 'number')} without a ticket" if missing else ""
    return f"{came}: {said}{none}" if said else f"{came}{none}"


def _reasons(report: RunReport) -> str:
    """Why tickets hold no issue, the commonest reasons first."""
    reasons = Counter(row.reason for row in report.rows.values() if row.outcome == "ignored")
    ranked = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{count} {for_terminal(reason)[:60]}" for reason, count in ranked[:SHOWN_REASONS]]
    return "; ".join([*shown, *(["…"] if len(ranked) > SHOWN_REASONS else [])])


def _tokens(report: RunReport) -> str:
    totals, usage = report.totals, report.totals.usage
    about = "about " if usage.estimated else ""
    text = f"{totals.calls} calls, {totals.stored_answers} stored answers; "
    text += f"{about}{thousands(usage.prompt)} tokens in ({thousands(usage.cached)} cached), {thousands(usage.completion)} out"
    return text + (f"; {about}{totals.cost:.2f} USD" if totals.cost is not None else "")


def _biggest(issues: Mapping[str, Issue]) -> str:
    ranked = sorted(issues.values(), key=lambda issue: (-len(issue.tickets), sort_key(issue.issue_id)))
    return _named("Biggest", ((issue, f"{len(issue.tickets)}") for issue in ranked[:TOP] if len(issue.tickets) > 1))


def _moving(found: Trends) -> list[str]:
    """A line each for what grows, is new, and came back; "" for none."""
    new, more = found.of("new"), len(found.of("new")) - TOP
    return [
        _named("Growing", ((move.issue, found.remark(move)) for move in found.of("growing")[:TOP])),
        _named(f"New in the last {found.span}", ((move.issue, f"{move.recent}") for move in new[:TOP]))
        + (f"; and {more} more" if more > 0 else ""),
        _named("Back", ((move.issue, found.remark(move)) for move in found.of("back")[:TOP])),
    ]


def _named(title: str, issues: Iterable[tuple[Issue, str]]) -> str:
    """Issues on one line, each with a remark; "" for none."""
    said = "; ".join(f"{for_terminal(issue.title)} ({remark})" for issue, remark in issues)
    return f"{title}: {said}" if said else ""


def _duration(seconds: float) -> str:
    """Seconds in words.

    >>> _duration(7.31), _duration(200)
    ('7.3 s', '3 min 20 s')
    """
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
