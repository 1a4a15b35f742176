"""Shows how the licenses of a file ended: one row each, every finding below, and a summary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from descargo_client.cli.answers import print_findings
from descargo_client.cli.session import clean, problem_document, problem_text, write_error
from descargo_client.documents import answer_document
from descargo_client.faults import CallFault, NotAllowed, TransportFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo_client.cli.session import Session
    from descargo_client.submitting import Result
    from descargo_client.texts import Language

ROWS_MAX: Final = 200
"""Above this the table shows only what needs somebody's attention."""
DETAILS_MAX: Final = 50
"""How many licenses are explained; `--answers` has them all."""
_STYLES: Final = {
    "firma": "green",
    "error": "bold red",
    "unreadable": "bold yellow",
    "refused": "bold yellow",
    "not_sent": "dim",
}
Document = dict[str, Any]


def exit_code_of(results: Sequence[Result]) -> int:
    """The worst of what happened: not allowed, no answer, bad input, error, firma."""
    faults = [result.fault for result in results if result.fault is not None]
    if any(isinstance(fault, NotAllowed) for fault in faults):
        return NotAllowed.exit_code
    if any(fault.exit_code == TransportFault.exit_code for fault in faults):
        return TransportFault.exit_code
    states = {result.state for result in results}
    if states & {"unreadable", "refused", "not_sent"}:
        return 2
    return 1 if "error" in states else 0


def summary_of(results: Sequence[Result]) -> Document:
    """How many ended how, and which codes the errors had."""
    states = Counter(result.state for result in results)
    codes = Counter(code for result in results for code in _codes(result))
    return {
        "total": len(results),
        "firma": states["firma"],
        "error": states["error"],
        "unreadable": states["unreadable"],
        "refused": states["refused"],
        "not_sent": states["not_sent"],
        "errors_by_code": dict(sorted(codes.items())),
    }


def result_document(result: Result, language: Language) -> Document:
    """One item with its answer, as `--answers` and `-o json` write it."""
    name = result.item.submission.license
    answer = answer_document(result.answer, language) if result.answer is not None else None
    document: Document = {
        "lines": list(result.item.lines),
        "license": {
            "agency": name.agency,
            "permit_key": name.permit_key,
            "permit_number": name.permit_number,
        },
        "state": result.state,
        "request_id": result.request_id,
        "answer": answer,
        "problems": [problem_document(each, language) for each in result.item.problems],
        "fault": None,
    }
    if result.fault is not None:
        reason = result.fault.reason if isinstance(result.fault, CallFault) else result.fault.key
        document["fault"] = {"reason": reason, "message": result.fault.text(language)}
    return document


def report_document(file: str, results: Sequence[Result], language: Language) -> Document:
    """The whole run as one object."""
    return {
        "file": file,
        "summary": summary_of(results),
        "items": [result_document(result, language) for result in results],
    }


def print_report(session: Session, file: str, results: Sequence[Result]) -> None:
    """Prints the run for people: a row for each license, what must be mended, and a summary."""
    console = session.screen()
    many = len(results) > ROWS_MAX
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for word in ("file_line", "license", "result", "code"):
        table.add_column(session.say(f"word.{word}"), overflow="fold")
    for result in results:
        if not many or result.state != "firma":
            state = Text(session.say(f"state.{result.state}"), style=_STYLES[result.state])
            table.add_row(_lines(result), Text(clean(result.item.name)), state, _code(result))
    if table.row_count:
        console.print(table)
    wrong = [result for result in results if _needs_details(result)]
    for result in wrong[:DETAILS_MAX]:
        _print_details(session, result)
    if len(wrong) > DETAILS_MAX:
        session.note("submit.more", count=len(wrong) - DETAILS_MAX)
    _print_fault(session, results)
    _print_summary(session, file, summary_of(results))


def _lines(result: Result) -> str:
    lines = result.item.lines
    return str(lines[0]) if len(lines) == 1 else f"{lines[0]}-{lines[-1]}"


def _code(result: Result) -> str:
    if result.state == "firma" and result.answer is not None:
        return clean(result.answer.verdict.firma.discharge_signature)
    if isinstance(result.fault, CallFault) and result.state == "refused":
        return clean(result.fault.reason)
    return " ".join(sorted(set(_codes(result))))


def _codes(result: Result) -> list[str]:
    if result.answer is None or result.state == "firma":
        return []
    return [finding.code for finding in result.answer.verdict.findings]


def _needs_details(result: Result) -> bool:
    """A firma may have warnings, and they are said too."""
    findings = result.answer.verdict.findings if result.answer is not None else ()
    return bool(findings or result.item.problems or result.state == "refused")


def _print_details(session: Session, result: Result) -> None:
    """What must be mended, each under its line of the file."""
    console = session.screen()
    title = session.say("submit.details", lines=_lines(result), license=result.item.name)
    console.print(Text(title, style="bold"))
    for problem in result.item.problems:
        console.print(Text(problem_text(session, problem)))
    if result.answer is not None:
        document = answer_document(result.answer, session.language)
        texts = {each["code"]: each for each in document["texts"]}
        print_findings(session, console, document["findings"], texts)
    if result.state == "refused" and result.fault is not None:
        console.print(Text(f"  {clean(result.fault.text(session.language))}"))
        if isinstance(result.fault, CallFault):
            for line in result.fault.failure.fields:
                console.print(Text(f"    {clean(line)}"))


def _print_fault(session: Session, results: Sequence[Result]) -> None:
    """The fault that stopped the run, once."""
    for result in results:
        if result.state == "not_sent" and result.fault is not None:
            write_error(session, result.fault)
            session.note("submit.again")
            return


def _print_summary(session: Session, file: str, summary: Document) -> None:
    counts = [
        session.say(f"summary.{name}", count=summary[name])
        for name in ("firma", "error", "unreadable", "refused", "not_sent")
        if summary[name] or name == "firma"
    ]
    line = session.say("summary.file", file=file, total=summary["total"]) + " " + ", ".join(counts)
    console = session.screen()
    console.print(Text(line, style="bold"), soft_wrap=True)
    if summary["errors_by_code"]:
        codes = ", ".join(f"{code}: {count}" for code, count in summary["errors_by_code"].items())
        console.print(Text(session.say("summary.codes", codes=codes)), soft_wrap=True)
