"""``fovea audit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from fovea.errors import FoveaError, UsageError
from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import AuditHead


@click.group(name="audit", invoke_without_command=True, epilog=examples("fovea audit", "fovea audit head"))
@as_json
@click.pass_context
def command(context: click.Context, *, as_json: bool) -> None:
    """Check that nothing was changed in the record of reviews."""
    if context.invoked_subcommand is None:
        _check(context.ensure_object(Session), "", as_json=as_json)


@command.command(name="check", epilog=examples("fovea audit check", "fovea audit check --head 120:9f3a..."))
@click.option(
    "--head",
    default="",
    metavar="NUMBER:DIGEST",
    help="A head that was kept elsewhere: shows whether rows were cut off.",
)
@as_json
@click.pass_obj
def check(session: Session, *, head: str, as_json: bool) -> None:
    """Check the chain of audit rows."""
    _check(session, head, as_json=as_json)


def _check(session: Session, head: str, *, as_json: bool) -> None:
    from fovea_apps import output

    with session.bench() as bench:
        fault = bench.verify_audit(_kept(bench.audit_head(), head) if head else None)
        rows = bench.audit_head().number
    answer(
        {"holds": fault is None, "fault": fault, "rows": rows},
        as_json=as_json,
        show=lambda _: None if fault else output.line(f"The audit chain holds: {output.count(rows, 'row')}."),
    )
    if fault:
        raise FoveaError(f"the audit chain is broken: {fault}")


def _kept(now: AuditHead, text: str) -> AuditHead:
    """The head that a person kept, in the form that ``fovea audit head`` prints.

    Raises:
        UsageError: it has another form.
    """
    number, _, digest = text.strip().partition(":")
    if not number.isdigit() or not digest:
        raise UsageError(f"--head wants NUMBER:DIGEST as 'fovea audit head' prints it, not '{text}'")
    return replace(now, number=int(number), digest=digest)


@command.command(name="head", epilog=examples("fovea audit head >> kept-elsewhere.txt"))
@as_json
@click.pass_obj
def head(session: Session, *, as_json: bool) -> None:
    """Print the last link of the chain, to be kept elsewhere."""
    from fovea_apps import output

    with session.bench() as bench:
        link = bench.audit_head()
    answer(link, as_json=as_json, show=lambda one: output.whole_line(f"{one.number}:{one.digest}"))
