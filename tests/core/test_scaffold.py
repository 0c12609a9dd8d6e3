from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import fovea
from fovea.errors import UsageError
from fovea.plugin import Domain, DomainInfo, hookimpl
from fovea.registry import Broken, Registry
from fovea.scaffold import new_plugin
from fovea_apps.cli import main


@hookimpl
def fovea_domains():
    info = DomainInfo(name="wheat", title="Wheat", intended_use="A test.", limits="Only a test.")
    return [Domain(info=info, read_samples=lambda root, view: [])]


@pytest.fixture
def registry():
    return Registry.of(SimpleNamespace(__name__="grain", fovea_domains=fovea_domains))


@pytest.fixture(params=["tyres", "a-rather-long-name-of-a-domain-2"])
def written(request, registry, tmp_path):
    return new_plugin(request.param, tmp_path / "project", registry)


def below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_tells_what_it_wrote(written):
    assert below(written.folder) == set(written.files)
    assert f"{written.package}/__init__.py" in written.files


def test_the_project_says_where_the_plugin_is_and_which_fovea_it_wants(written):
    project = tomllib.loads((written.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == f"fovea-{written.name}"
    assert project["entry-points"]["fovea.plugins"] == {written.name: written.package}
    assert f"fovea>={fovea.__version__}" in project["dependencies"]


def test_nothing_is_left_to_be_filled_in(written):
    assert not [name for name in written.files if "$" in (written.folder / name).read_text(encoding="utf-8")]


@pytest.fixture(scope="module")
def checks(tmp_path_factory):
    """The usual checks; the cache of types serves every project of this module."""
    cache = tmp_path_factory.mktemp("types")
    return {
        "lint": ["ruff", "check", "."],
        "layout": ["ruff", "format", "--check", "."],
        "types": ["mypy", "--strict", "--cache-dir", str(cache), "--exclude", "tests", "."],
    }


@pytest.mark.parametrize("check", ["lint", "layout", "types"])
def test_what_is_written_passes_the_usual_checks(written, checks, check):
    program, *words = checks[check]
    command = [Path(sys.executable).with_name(program), *words]
    done = subprocess.run(command, cwd=written.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_folder_it_lies_beside_what_is_here(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert new_plugin("tyres", None, registry).folder == Path("fovea-tyres")
    assert (tmp_path / "fovea-tyres" / "pyproject.toml").is_file()


def test_an_empty_folder_is_used(registry, tmp_path):
    new_plugin("tyres", tmp_path, registry)
    assert "fovea_tyres/__init__.py" in below(tmp_path)


@pytest.mark.parametrize(
    "name,says",
    [
        ("Tyres", "lower-case letters, digits and hyphens; did you mean 'tyres'?"),
        ("my tyres", "did you mean 'my-tyres'?"),
        ("../evil", "must be lower-case letters, digits and hyphens$"),
        ("", "must be lower-case letters, digits and hyphens$"),
        ("4wd", "must begin with a letter$"),
        ("tyres-", "on both sides of a hyphen; did you mean 'tyres'?"),
        ("old--tyres", "did you mean 'old-tyres'?"),
        ("fovea-tyres", "did you mean 'tyres'?"),
        ("wheat", "'wheat' is taken: 'grain' is installed"),
        ("grain", "'grain' is taken: 'grain' is installed"),
        ("apps", "there is already a Python package fovea_apps"),
    ],
)
def test_a_name_that_will_not_do_is_refused_and_nothing_written(registry, tmp_path, name, says):
    with pytest.raises(UsageError, match=says.replace("?", r"\?")):
        new_plugin(name, tmp_path / "project", registry)
    assert not (tmp_path / "project").exists()


def test_the_name_of_a_broken_plugin_is_taken_too(tmp_path):
    broken = Broken(name="tyres", distribution="old-tyres", fault="it does not load")
    with pytest.raises(UsageError, match="'old-tyres' is installed"):
        new_plugin("tyres", tmp_path / "project", SimpleNamespace(loaded=(), broken=(broken,)))


def test_a_folder_that_holds_something_is_left_as_it_is(registry, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        new_plugin("tyres", tmp_path, registry)
    assert below(tmp_path) == {"notes.txt"}


def test_what_is_no_folder_is_left_as_it_is(registry, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("file", "link"):
        with pytest.raises(UsageError, match="is no folder"):
            new_plugin("tyres", tmp_path / name, registry)
    assert (tmp_path / "link").is_symlink()
    assert below(tmp_path) == {"file"}


def test_a_folder_that_cannot_be_is_refused_with_the_reason(registry, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        new_plugin("tyres", tmp_path / "file" / "project", registry)


@pytest.fixture(params=[OSError(28, "No space left on device"), KeyboardInterrupt()], ids=["full", "stopped"])
def ending(request, monkeypatch):
    """Writing ends this way at the last of the files."""
    write = Path.write_text

    def write_or_end(path, *rest, **named):
        if path.parent.name == "tests":
            raise request.param
        return write(path, *rest, **named)

    monkeypatch.setattr(Path, "write_text", write_or_end)
    return UsageError if isinstance(request.param, OSError) else KeyboardInterrupt


def test_nothing_half_written_is_left_of_a_new_folder_nor_of_those_above_it(registry, tmp_path, ending):
    with pytest.raises(ending):
        new_plugin("tyres", tmp_path / "new" / "project", registry)
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_is_left_in_a_folder_that_was_there(registry, tmp_path, ending):
    (tmp_path / "project").mkdir()
    with pytest.raises(ending):
        new_plugin("tyres", tmp_path / "project", registry)
    assert list(tmp_path.rglob("*")) == [tmp_path / "project"]


def test_the_command_tells_what_it_wrote_and_what_to_do_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--home", str(tmp_path / "home"), "new-plugin", "tyres"]) == 0
    told, _, after = capsys.readouterr().out.partition("\nNext:\n")
    assert {line.split()[0] for line in told.splitlines()[2:] if line} == below(tmp_path / "fovea-tyres")
    assert after.splitlines() == [
        "  python -m pip install --editable 'fovea-tyres[test]'",
        "  python -m pytest fovea-tyres",
        "  fovea train tyres PICTURES",
    ]
    assert not (tmp_path / "home").exists()


def test_the_command_refuses_the_name_of_a_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["new-plugin", "train"]) == 2
    assert "'train' is a command of fovea" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
