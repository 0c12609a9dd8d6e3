"""``fovea cases``."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fovea_apps.options import as_json, examples
from fovea_apps.session import Session, answer

if TYPE_CHECKING:
    from fovea.workbench import Case

_Function = TypeVar("_Function", bound=Callable[..., Any])


@click.group(
    name="cases", no_args_is_help=True, epilog=examples("fovea cases list", "fovea cases sign 12 --role agronomist")
)
def command() -> None:
    """List findings, read them and sign them."""


@command.command(name="list", epilog=examples("fovea cases list --site farm --state new"))
@click.option("--site", help="Only of this site.")
@click.option("--state", help="Only in this state, such as new.")
@as_json
@click.pass_obj
def list_(session: Session, *, site: str | None, state: str | None, as_json: bool) -> None:
    """List the cases, oldest first."""
    with session.bench() as bench:
        found = bench.cases(site=site, state=state)
    answer(found, as_json=as_json, show=_show_cases)
    session.hint("next: fovea cases show NUMBER" if found else "no case")


def _show_cases(found: Sequence[Case]) -> None:
    from fovea_apps import output

    rows = [
        (one.number, one.state, one.decision.level, one.unit, one.decision.subject, one.decision.label) for one in found
    ]
    output.table(("no.", "state", "level", "unit", "about", "says"), rows, numbers=("no.",))


@command.command(name="show", epilog=examples("fovea cases show 12"))
@click.argument("number", type=int)
@as_json
@click.pass_obj
def show(session: Session, *, number: int, as_json: bool) -> None:
    """Show a case with its evidence and reviews, and what may be done with it."""
    with session.bench() as bench:
        facts = {"case": bench.case(number), "verbs": bench.case_verbs(number)}
    answer(facts, as_json=as_json, show=_show_facts)


def _show_facts(facts: Mapping[str, Any]) -> None:
    from fovea_apps import output

    _show_case(facts["case"])
    output.line(f"May now be done: {', '.join(facts['verbs']) or 'nothing'}.")


def _show_case(case: Case) -> None:
    from fovea_apps import output

    told = case.decision
    output.title(f"Case {case.number}: {told.label}, {told.subject}")
    output.line(told.reason)
    output.pairs(
        {
            "state": case.state,
            "level": told.level,
            "unit": case.unit,
            "opened": output.moment(case.opened),
            "from": output.moment(told.start),
            "to": output.moment(told.end),
            "figures": ", ".join(f"{name} {value:.4g}" for name, value in told.figures.items()),
            "evidence": ", ".join(f"{one.source} {one.part}".rstrip() for one in told.evidence),
        }
    )
    rows = [(output.moment(one.time), one.verb, one.actor, one.role, one.verdict, one.note) for one in case.reviews]
    if rows:
        output.line()
        output.table(("when", "did", "who", "role", "verdict", "note"), rows)


def _review(function: _Function) -> _Function:
    """Add what every review takes: who, in what role, the verdict and a note."""
    for option in (
        as_json,
        click.option("--note", default="", help="Free text."),
        click.option("--verdict", default="", help="true, false, unsure or a label."),
        click.option("--role", default="", help="The role you act in, where the domain asks for one."),
        click.option("--as", "actor", default="", envvar="FOVEA_USER", help="Who acts; by default who is logged in."),
    ):
        function = option(function)
    return function


def _step(verb: str, help_: str, line: str) -> None:
    @click.argument("number", type=int)
    @_review
    @click.pass_obj
    def run(session: Session, /, *, number: int, as_json: bool, **review: str) -> None:
        _move(session, number, verb, review, as_json=as_json)

    command.add_command(click.command(name=verb, help=help_, epilog=examples(line))(run))


_step("read", "Say what you think of a case.", "fovea cases read 12 --verdict true --note 'two leaves'")
_step("sign", "Sign a case: what it says is settled.", "fovea cases sign 12 --role agronomist")
_step("amend", "Open a signed case again.", "fovea cases amend 12 --note 'the field was mixed up'")


@command.command(name="move", epilog=examples("fovea cases move 12 dismiss --note 'a shadow'"))
@click.argument("number", type=int)
@click.argument("verb")
@_review
@click.pass_obj
def move(session: Session, /, *, number: int, verb: str, as_json: bool, **review: str) -> None:
    """Take any other step that the domain's workflow allows."""
    _move(session, number, verb, review, as_json=as_json)


def _move(session: Session, number: int, verb: str, review: Mapping[str, str], *, as_json: bool) -> None:
    actor = review["actor"] or getpass.getuser()
    told = {name: review[name] for name in ("role", "verdict", "note")}
    with session.bench() as bench:
        case = bench.move(number, verb=verb, actor=actor, **told)
    answer(case, as_json=as_json, show=_show_case)
