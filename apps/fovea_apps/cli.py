"""The console command ``fovea``: the table of its verbs, and how a run of it ends.

Nothing heavy is imported here: a verb's module is loaded when the verb is called, the workbench when its work begins.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from fovea import __version__
from fovea.errors import FoveaError, SettingsError
from fovea_apps.lazy import Lazy, LazyGroup
from fovea_apps.options import examples
from fovea_apps.output import tell
from fovea_apps.session import Session
from fovea_apps.signals import terminable

STOPPED = 130
_COMPLETION = "_FOVEA_COMPLETE"
_EPILOG = (
    examples(
        "fovea demo crop --data photos",
        "fovea train crop photos --name leaves",
        "fovea site add photos --name farm --domain crop",
    )
    + "\n\nExit codes: 0 done, 1 a known error, 2 usage, 3 finished but pictures were "
    "quarantined, 5 bundle refused, 6 locked by another, 130 stopped.\n"
    '\n\b\nCompletion of words (bash; or zsh_source, fish_source):\n  eval "$(_FOVEA_COMPLETE=bash_source fovea)"'
)


def _verbs() -> dict[str, Lazy]:
    """Every verb in the order of the work: its module, and its line of help."""
    return {
        "demo": Lazy("demo", "Train, work through and report on labelled pictures in one go."),
        "site": Lazy("sites", "Add a site, list sites, change their settings and models."),
        "check-data": Lazy("check_data", "Look for pictures that come twice and answers that the backdrop gives away."),
        "doubts": Lazy("doubts", "Look for labels that are probably wrong."),
        "lr-find": Lazy("lr_find", "Try learning rates before a training."),
        "train": Lazy("train", "Train a model on a folder of labelled pictures."),
        "evaluate": Lazy("evaluate", "Judge a model on labelled pictures it has not learned from."),
        "new-site": Lazy("new_site", "Tell how good a model would be at a new site."),
        "predict": Lazy("predict", "Say what single pictures or folders show."),
        "explain": Lazy("explain", "Show where in pictures a model's answers come from."),
        "batch": Lazy("batch", "Work through all pictures of a site."),
        "watch": Lazy("watch", "Watch the streams of a site."),
        "fit": Lazy("fit", "Learn a domain's own numbers from a site's results."),
        "report": Lazy("report", "Write the report of a site."),
        "export": Lazy("export", "Write a site's results in a format of its domain."),
        "cases": Lazy("cases", "List findings, read them and sign them."),
        "quarantine": Lazy("quarantine", "List the pictures that could not be worked with; try them again."),
        "models": Lazy("models", "List the trained models."),
        "runs": Lazy("runs", "List the trainings, finished or not, and compare them."),
        "backbones": Lazy("backbones", "List the networks that training can start from."),
        "pretrain": Lazy("pretrain", "Learn first weights from drawn pictures, without any photo."),
        "events": Lazy("events", "List what listeners have not heard; tell them; try again."),
        "audit": Lazy("audit", "Check that nothing was changed in the record of reviews."),
        "plugins": Lazy("plugins", "List the plugins and what each brings."),
        "new-plugin": Lazy("new_plugin", "Write a plugin of your own to start from."),
    }


@click.group(cls=LazyGroup, verbs=_verbs(), epilog=_EPILOG, no_args_is_help=True)
@click.option("--home", metavar="PATH", help="Folder of the database, models and runs [FOVEA_HOME].")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress and no hints.")
@click.option("--debug", is_flag=True, help="Show where in the program an error comes from.")
@click.version_option(__version__, prog_name="fovea")
@click.pass_context
def fovea(context: click.Context, *, home: str | None, quiet: bool, debug: bool) -> None:
    """Train on your own labelled pictures of a site, and work through the rest."""
    session = context.ensure_object(Session)
    session.home, session.quiet, session.debug = home, quiet, debug


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and say how it ended.

    Args:
        arguments: the words after ``fovea``; None takes those of this process.

    Returns:
        The exit code; see ``fovea --help``.
    """
    _forgive_odd_names()
    session = Session()
    try:
        with terminable():
            code = _run(sys.argv[1:] if arguments is None else list(arguments), session)
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("fovea: stopped", err=True)
        return STOPPED
    except FoveaError as error:
        return _known(error, session)
    except BrokenPipeError:
        return _nobody_reads()
    return code


def _run(words: list[str], session: Session) -> int:
    """Parse and run; :meth:`click.Command.main` would end the process by itself where nobody reads its output."""
    if _COMPLETION in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(fovea, {}, "fovea", _COMPLETION, os.environ[_COMPLETION])
    try:
        with fovea.make_context("fovea", words, obj=session) as context:
            fovea.invoke(context)
    except click.exceptions.Exit as ending:
        return ending.exit_code
    return 0


def _known(error: FoveaError, session: Session) -> int:
    if session.debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, SettingsError) and len(error.mistakes) > 1:
        tell(f"fovea: {len(error.mistakes)} mistakes in the {error.where or 'settings'}:")
        for mistake in error.mistakes:
            tell(mistake, "  ")
    else:
        tell(f"fovea: {error}")
    return error.exit_code


def _forgive_odd_names() -> None:
    """File names need not be UTF-8: what cannot be written is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        change = getattr(stream, "reconfigure", None)
        if change is not None:
            change(errors="backslashreplace")


def _nobody_reads() -> int:
    """The reader of our output has gone (``fovea ... | head``): end without a word, now and at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return 0
    return 0
