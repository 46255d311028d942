"""Reads resolved Freshdesk tickets, lets a model sort them into issues, and writes the knowledge base: the flow from start to end.

Fetcher, conversation cleaner, clusterer, in this order, and exit codes; every rule is behind.
"""

from cli import interpreter  # noqa: F401 - ends the program with one line where Python or its libraries are missing

# isort: split
import contextlib
import functools
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import env
from cli import check, console, estimate, jobs, prompt_debug, source, worklist
from cli import options as command_line
from cli.console import complain, signals_as_interrupts
from cli.cuts import Cuts
from cli.options import Job, Options
from cli.prompt_debug import Look
from cli.source import Ticket
from cli.wiring import Parts, wire
from common.errors import Ended, Exit, Trouble, Unusable, Unwritable
from common.text import counted
from env import Settings
from issue_clusterer import IssueClusterer, Item
from knowledge import issue
from knowledge.decision import DecisionRow
from llm.batch import QuestionsLeft
from llm.protocol import BudgetReached
from report import page, summary
from report.reading import read
from report.run_report import RunReport
from review import list as review_list

logger = logging.getLogger("main")


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status of the program run with these arguments."""
    console.make_safe()
    try:
        options = command_line.parse(sys.argv[1:] if argv is None else argv)
        console.set_up_logging(_level(options))
        with signals_as_interrupts():
            return _work(options)
    except SystemExit as ended:
        return int(ended.code or 0)
    except KeyboardInterrupt:
        complain("what was decided is kept: run the same command again to go on", kind="interrupted")
        return Exit.INTERRUPTED
    except Trouble as error:
        complain(str(error))
        return error.exit_status
    except BrokenPipeError:  # whoever read our output has gone
        console.drop()
        return Exit.STOPPED
    except OSError as error:
        console.drop()  # it may be stdout that is full
        complain(f"{error.filename or 'cannot write what is to be shown'}: {error.strerror or error}")
        return Exit.STOPPED


def run(ticket_ids: list[int] | None = None, **options: Any) -> IssueClusterer:
    """The clusterer after a run; `options` are fields of `cli.options.Options`. Raises what `main` turns into exit codes."""
    return run_with_report(Options(ticket_ids=None if ticket_ids is None else tuple(ticket_ids), **options))[0]


def run_with_report(options: Options, settings: Settings | None = None) -> tuple[IssueClusterer, RunReport]:
    """The clusterer and the report of one run; `settings` in place of the environment's."""
    settings = command_line.with_overrides(options, settings or env.load_settings())
    stored = issue.load_stored(options.output)  # what cannot be read ends the run before a folder is made or a call
    with contextlib.ExitStack() as cleanup:
        settings = settings if options.job in (Job.DRY_RUN, Job.FETCH) else _with_model(settings, cleanup)
        parts = wire(options, settings, cleanup, stored=stored)
        version, prompts = command_line.version(), parts.clusterer.prompts.version
        report = RunReport(options.output, version, settings.llm_model, prompts, reprocess=options.reprocess)
        run = _Run(parts, report)
        try:
            run.execute()
        except BaseException as error:
            if not isinstance(error, Unusable):
                run.keep_work(error)
            raise
    return run.clusterer, run.report


def _with_model(settings: Settings, cleanup: contextlib.ExitStack) -> Settings:
    """The settings with a model server to ask: the built-in one is started where no other is named."""
    if settings.llm_base_url != env.BUILT_IN:
        return settings
    from demo.model import BuiltInModel  # loaded only by who has no model

    logger.info("the built-in matcher sorts tickets by their words alone, roughly, and finds few causes")
    return replace(settings, llm_base_url=cleanup.enter_context(BuiltInModel()))


def _work(options: Options) -> int:
    """Whichever of the program's jobs was asked for."""
    if options.demo:
        from demo import show  # the demo's servers are loaded for the demo only

        return _exit_status(show.run_demo(options, run_with_report), options)
    if options.job is Job.CHECK:
        return check.run(options)
    if jobs.wanted(options):
        console.show(jobs.work(options))
        return Exit.DONE
    return _exit_status(run_with_report(options)[1], options)


def _exit_status(report: RunReport, options: Options) -> int:
    """The exit status of a run; what was not done is said on stderr."""
    if not report.incomplete or report.ended is Ended.WAITING:
        return Exit.DONE
    complain(summary.not_done_line(report))
    return Exit.STOPPED if options.job is Job.PROMPT_DEBUG else Exit.INCOMPLETE


class _Run:
    """One run's steps in order; what they work with stands in its parts."""

    def __init__(self, parts: Parts, report: RunReport) -> None:
        self.parts, self.report = parts, report
        self.options, self.clusterer, self.source, self.progress = parts.options, parts.clusterer, parts.source, parts.progress

    def execute(self) -> None:
        """List the tickets, then do with them what was asked for."""
        steps = {Job.PROMPT_DEBUG: self.debug_prompts, Job.DRY_RUN: self.estimate, Job.FETCH: self.fetch}
        steps.get(self.options.job, self.decide)(worklist.begin(self.parts, self.report))

    def estimate(self, tickets: Sequence[Ticket]) -> None:
        """Say what a run would do, take and cost."""
        self.progress.close()
        console.show(estimate.describe(tickets, self.source, self.clusterer, self.parts.settings, known=self.report.already_known))

    def debug_prompts(self, tickets: Sequence[Ticket]) -> None:
        """Print prompt and answer for each ticket; without ids or pages for the first batch."""
        assert self.parts.looking is not None, "only --prompt-debug looks"
        named = self.options.ticket_ids is not None or self.options.pages is not None
        looks: list[Look] = []
        try:
            for item in self._stream(tickets if named else tickets[: self.parts.settings.batch_size]):
                look = prompt_debug.look(item, self.clusterer, self.parts.looking)
                looks.append(look)
                if look.failure is not None:
                    self._count(look.failure)
        except BudgetReached as error:
            self.report.end(Ended.BUDGET, str(error))
        print(prompt_debug.table(looks))

    def fetch(self, tickets: Sequence[Ticket]) -> None:
        """Fill `conversations/`."""
        cuts = Cuts()
        for item in self._stream(tickets):
            if isinstance(item, DecisionRow):
                self._count(item)
            else:
                cuts.add(item)
        self.progress.close()
        self._finish_report(Ended.FETCHED)
        stored = len(tickets) - len(self.report.failures)
        done = [f"{counted(stored, 'conversation')} in {self.source.folder}, {len(self.source.fetched)} fetched now"]
        if self.report.already_known:
            known = f"{counted(self.report.already_known, 'more ticket')} in the database already"
            done.append(f"{known}: left alone (--reprocess looks at them too)")
        console.show("\n".join([*done, *cuts.lines(), *summary.not_done_lines(self.report)]))

    def decide(self, tickets: Sequence[Ticket]) -> None:
        """Decide, conclude, save; a budget that is reached ends the deciding, not the saving."""
        ended, why = Ended.DONE, ""
        try:
            self.progress.begin("deciding", len(tickets))
            self.clusterer.decide(self._stream(tickets), on_decided=self._count)
            self.progress.end("fetching", "deciding")
            self.clusterer.conclude(overview=self.options.merge)
        except BudgetReached as error:
            ended, why = Ended.BUDGET, str(error)
        except QuestionsLeft as left:
            self.pause(left)
            return
        self.clusterer.save()
        self.report.filled = len(review_list.load_filled(self.clusterer.files.flagged))
        self._write_report(ended, why)
        self.show()

    def show(self) -> None:
        """Write the page and the letter, say what became of the tickets."""
        files, decisions = self.clusterer.files, self.clusterer.decisions
        conversation_of = functools.partial(self.source.shown, decided=decisions)
        reading = read(self.clusterer.issues, decisions, conversation_of, self.clusterer.nearest, files.database)
        page.write(files.report_page, reading, weekly=files.weekly, came_with_run=len(self.report.rows))
        self.progress.close()
        console.show(summary.render(self.report, reading, files.report_page))

    def pause(self, left: QuestionsLeft) -> None:
        """Write the open questions for a batch engine; the run goes on when their answers are there."""
        assert self.options.batch_export is not None
        self.clusterer.pause()
        self._write_report(Ended.WAITING)
        self.progress.close()
        console.show(jobs.export_questions(self.options.batch_export, left.questions, self.parts.store))

    def keep_work(self, error: BaseException) -> None:
        """At an abnormal end: what is decided goes into the checkpoint, what happened into the report."""
        if self.options.reads_only:
            return
        try:
            self.clusterer.keep_work()
            interrupted = isinstance(error, KeyboardInterrupt)
            self._write_report(Ended.INTERRUPTED if interrupted else Ended.STOPPED, "" if interrupted else str(error))
        except Unwritable as trouble:
            logger.warning("the checkpoint could not be brought up to date: %s", trouble)

    def _stream(self, tickets: Sequence[Ticket]) -> Iterator[Item]:
        """The tickets' conversations in order, read ahead under a bar of their own."""
        self.progress.begin("fetching", len(tickets))
        yield from source.stream(tickets, self.source, self.parts.fetching.submit, on_read=lambda: self.progress.step("fetching"))
        self.progress.end("fetching")

    def _count(self, row: DecisionRow) -> None:
        self.report.rows[row.ticket_id] = row
        self.progress.step("deciding", self.report.so_far(len(self.clusterer.issues), self.parts.model.totals().cost))

    def _write_report(self, ended: Ended, why: str = "") -> None:
        self._finish_report(ended, why)
        self.report.write(self.clusterer.files.run_report)

    def _finish_report(self, ended: Ended, why: str = "") -> None:
        self.report.end(ended, why)
        self.report.rows = dict(self.clusterer.rows) or self.report.rows
        self.report.flagged = frozenset(review_list.flagged_tickets(self.clusterer.issues))
        self.report.merged = self.clusterer.merged
        self.report.fetched = len(self.source.fetched)
        self.report.totals = self.parts.model.totals()


def _level(options: Options) -> int:
    """How much of the log is written; prompts and checks on the screen stay readable."""
    quiet = options.job in (Job.PROMPT_DEBUG, Job.CHECK)
    return logging.WARNING if quiet else logging.DEBUG if options.verbose else logging.INFO


if __name__ == "__main__":
    sys.exit(main())
