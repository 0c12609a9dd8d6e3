from __future__ import annotations

import subprocess
import sys

import click
import pytest

from fovea_apps.cli import fovea, main
from fovea_apps.lazy import plugin_names

HEAVY = ("numpy", "torch", "albumentations", "cv2", "sqlalchemy", "pydantic", "rich", "openvino", "fovea.workbench")


def every_command():
    """The words of every verb and of what is below it; plugins are left out, since they belong to others."""
    for name, lazy in fovea.verbs.items():
        yield name
        loaded = lazy.load()
        if isinstance(loaded, click.Group):
            yield from (f"{name} {below}" for below in loaded.commands)


def in_fresh_python(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", list(every_command()))
def test_the_help_of_every_command_ends_with_an_example(words, capsys):
    assert main([*words.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  fovea {words}" in shown.partition("Example")[2]


def test_help_loads_nothing_heavy():
    program = "import sys; from fovea_apps.cli import main; main(['--help']); print('LOADED', *sys.modules)"
    loaded = in_fresh_python(program).rpartition("LOADED")[2].split()
    assert not [name for name in loaded if name in HEAVY]


def test_the_help_of_a_verb_loads_nothing_heavy():
    program = "import sys; from fovea_apps.cli import main; main(['batch', '--help']); print('LOADED', *sys.modules)"
    loaded = in_fresh_python(program).rpartition("LOADED")[2].split()
    assert not [name for name in loaded if name in HEAVY]


def test_help_names_every_installed_plugin(capsys):
    main(["--help"])
    shown = capsys.readouterr().out
    assert plugin_names()
    assert all(f"See fovea {name} --help." in shown for name in plugin_names())


def test_help_fits_80_columns(capsys):
    main(["--help"])
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 80


def test_the_bare_command_prints_help_and_is_a_usage_error(capsys):
    assert main([]) == 2
    assert "Commands:" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fovea, version ")


def test_an_unknown_verb_is_refused_with_the_nearest_one(capsys):
    assert main(["trian"]) == 2
    assert "Did you mean 'train'?" in capsys.readouterr().err


def test_an_unknown_verb_near_to_nothing_is_refused_without_a_guess(capsys):
    assert main(["xyzzy"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def test_the_shell_completes_verbs(monkeypatch, capsys):
    monkeypatch.setenv("_FOVEA_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "fovea quar")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert main([]) == 0
    assert capsys.readouterr().out.split() == ["plain,quarantine"]
