"""The tickets that a run works on: the rest of an interrupted run, or what is listed and not settled by the database yet.

Stops at a database of another account; leaves out what a person reviewed, what is known and what failed too often. A ticket that is named
by its id is always worked on, a reviewed one only if it is. What becomes of a ticket is decided elsewhere.
"""

import logging
from collections import Counter
from collections.abc import Iterable
from urllib.parse import urlsplit

from cli import source
from cli.options import Job, Options
from cli.source import Ticket
from cli.wiring import Parts
from common.errors import Unusable
from common.text import counted, for_terminal
from common.web import is_loopback
from env import BUILT_IN_MODEL
from issue_clusterer import IssueClusterer, Plan
from knowledge.checkpoint import leftover
from knowledge.paths import command
from report.run_report import RunReport

logger = logging.getLogger(__name__)


def begin(parts: Parts, report: RunReport) -> list[Ticket]:
    """The tickets, in order, with the clusterer ready for them; what was found on the way is noted in the report.

    An interrupted run goes on if this is the same command; of another one the decisions are kept. Raises `Unusable` where the database
    holds another account's tickets.
    """
    _say_what_matters(parts)
    selection, clusterer = parts.options.selection().to_json(), parts.clusterer
    saved = None if parts.options.reads_only else leftover(clusterer.files, fresh=parts.options.fresh)
    if saved is not None:
        clusterer.resume(saved)
    _stop_at_another_account(parts)
    if saved is not None and dict(saved.plan.selection) == selection:
        plan, done = saved.plan, len(saved.progress.decided)
        logger.info("going on after ticket %d of %d of the run that did not end", done, len(plan.tickets))
    else:
        if saved is not None:
            left = len(saved.plan.tickets) - len(saved.progress.decided)
            began = command(source.Selection.flags(saved.plan.selection), clusterer.files.database)
            logger.warning("a run that did not end left %s undecided; its decisions are kept, for the rest run %s", counted(left), began)
            saved = None
        plan = _listed(parts, report)
    report.listed, report.gaps = len(plan.tickets), plan.gaps
    tickets = clusterer.begin(plan, None if saved is None else saved.progress)
    if tickets and not parts.options.reads_only:
        listed = {ticket["ticket_id"] for ticket in tickets}
        placed = (ticket_id for issue in clusterer.issues.values() for ticket_id in issue.tickets if ticket_id not in listed)
        parts.source.take_stock(placed, clusterer.decisions)
    return tickets


def _say_what_matters(parts: Parts) -> None:
    """Warn of what nobody should find out afterwards: redaction that is off, a database that no language model sorted."""
    options, settings = parts.options, parts.settings
    if not settings.redact:
        logger.warning("redaction is OFF (REDACT): names and secrets go into %s and to the model server as they are", options.conversations)
    rows = parts.clusterer.decisions.values()
    rough = sum(row.model == BUILT_IN_MODEL and row.decided_by == "model" for row in rows)
    if rough and settings.llm_model != BUILT_IN_MODEL and not options.reprocess and options.job not in (Job.FETCH, Job.PROMPT_DEBUG):
        sorted_by = f"{counted(rough)} of {options.output} {'was' if rough == 1 else 'were'} sorted by the {BUILT_IN_MODEL}"
        logger.warning("%s, and what is sorted stays: begin a database for %s with --output NEW.json", sorted_by, settings.llm_model)


def _stop_at_another_account(parts: Parts) -> None:
    """Raises `Unusable` where most tickets were decided at another address: the same numbers are other tickets there.

    With as many at ours it counts as ours. An account on this machine is for trying out, and has another port each time.
    """
    ours, files = parts.settings.freshdesk_url, parts.clusterer.files
    rows = [row for row in parts.clusterer.decisions.values() if row.url and not _on_this_machine(row.url)]
    counts = Counter(row.url.removesuffix(f"/a/tickets/{row.ticket_id}") for row in rows)
    theirs = max(counts, key=lambda address: (counts[address], address == ours, address), default=ours)
    if theirs != ours and not _on_this_machine(ours):
        raise Unusable(
            f"{files.database} holds tickets of {for_terminal(theirs)[:100]}, and FRESHDESK_DOMAIN says {ours}, where numbers mean "
            f"other tickets: name another database with --output; if the account was only renamed, write the new address into "
            f"{files.decisions}"
        )


def _on_this_machine(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname)


def _listed(parts: Parts, report: RunReport) -> Plan:
    """What Freshdesk lists and the database has not settled."""
    selection, progress = parts.options.selection(), parts.progress
    progress.begin("listing")
    listing = source.list_tickets(selection, parts.source, parts.fetching.submit, on_listed=lambda count: progress.reach("listing", count))
    progress.end("listing")
    report.total, wanted = listing.total, sort_out(listing.tickets, parts.clusterer, parts.options, report)
    return Plan(parts.clusterer.base_sha256, selection.to_json(), tuple(wanted), listing.gaps, parts.options.most_in_a_wave)


def sort_out(tickets: Iterable[Ticket], clusterer: IssueClusterer, options: Options, report: RunReport) -> list[Ticket]:
    """The tickets to work on, in order; the known ones, those of them that changed and those that are tried no more go into the report."""
    wanted: list[Ticket] = []
    named = options.ticket_ids is not None
    for ticket in tickets:
        ticket_id, changed = ticket["ticket_id"], _changed(ticket, clusterer)
        again = options.reprocess and (named or not clusterer.reviewed(ticket_id))
        if not (named or options.reprocess) and clusterer.set_aside(ticket_id) and not changed:
            report.aside.append(ticket_id)
        elif again or options.looks_again or not (clusterer.held(ticket_id) or _ignored_as_it_is(ticket, clusterer)):
            wanted.append(ticket)
        else:
            report.already_known += 1
            report.changed += [ticket_id] if changed else []
    return wanted


def _ignored_as_it_is(ticket: Ticket, clusterer: IssueClusterer) -> bool:
    """True for a listed ticket that was found to hold no issue and has not changed since."""
    row = clusterer.decisions.get(ticket["ticket_id"])
    return row is not None and row.outcome == "ignored" and row.updated_at == str(ticket.get("updated_at") or "-")


def _changed(ticket: Ticket, clusterer: IssueClusterer) -> bool:
    row = clusterer.decisions.get(ticket["ticket_id"])
    return row is not None and row.updated_at != "" and str(ticket.get("updated_at") or "") > row.updated_at
