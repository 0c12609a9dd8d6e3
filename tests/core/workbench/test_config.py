from __future__ import annotations

from pathlib import Path

import pytest

from fovea.errors import SettingsError
from fovea.workbench import load_config
from fovea.workbench.config import listener_settings, read_toml


@pytest.fixture(autouse=True)
def no_variables(monkeypatch, tmp_path):
    for name in ("FOVEA_HOME", "FOVEA_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def load(tmp_path):
    """The settings that a text in ``fovea.toml`` gives."""

    def load(text="", **flags):
        (tmp_path / "fovea.toml").write_text(text, encoding="utf-8")
        return load_config(folder=tmp_path, **flags)

    return load


def mistakes(load, text, **flags):
    with pytest.raises(SettingsError) as caught:
        load(text, **flags)
    return list(caught.value.mistakes)


def test_flags_win_over_variables_over_the_file_over_defaults(load, monkeypatch, tmp_path):
    assert load().home == tmp_path / "data" / "fovea"
    assert load('home = "/a"').home == Path("/a")
    monkeypatch.setenv("FOVEA_HOME", "/b")
    assert load('home = "/a"').home == Path("/b")
    assert load('home = "/a"', home="/c").home == Path("/c")


def test_the_table_fovea_need_not_be_written(load):
    assert load("workers = 3").workers == load("[fovea]\nworkers = 3").workers == 3


def test_every_mistake_of_the_file_is_told_with_the_files_name(load):
    assert mistakes(load, 'workers = "many"\nwork = 1\n[notify]\npager = 3') == [
        "fovea.toml: workers: want a whole number from 0 to 1024, not 'many'",
        "fovea.toml: notify.pager: want a table, not 3",
        "fovea.toml: work: there is no such setting; did you mean 'workers'?",
    ]


def test_a_mistake_in_a_variable_is_told_under_the_variables_name(load, monkeypatch):
    monkeypatch.setenv("FOVEA_WORKERS", "many")
    assert mistakes(load, "workers = 3") == ["FOVEA_WORKERS: want a whole number from 0 to 1024, not 'many'"]


def test_a_home_of_nobody_is_refused(load):
    assert mistakes(load, "", home="~nobody-here/x") == [
        "--home: want a path, and '~nobody-here' is nobody's home folder here"
    ]


def test_a_table_fovea_that_is_none_is_told(load):
    assert mistakes(load, "fovea = 3") == ["fovea.toml: fovea: want a table, not 3"]


@pytest.mark.parametrize(
    "content,fault",
    [
        (b"a = 1\nb = \xff\n", "line 2 is not UTF-8; save it as UTF-8 text"),
        (b"a = 1\nb = x\n", "it is not TOML: line 2, column 5: invalid value"),
        (b"a =", "it is not TOML: end of document: invalid value"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_the_place(tmp_path, content, fault):
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        read_toml(path)
    assert caught.value.mistakes == (f"{path}: {fault}",)


def test_a_folder_of_that_name_is_told_as_what_it_is(tmp_path):
    (tmp_path / "fovea.toml").mkdir()
    with pytest.raises(SettingsError, match=r"fovea\.toml: it is a folder, want a file of settings"):
        load_config(folder=tmp_path)


def test_a_file_that_may_not_be_read_is_told_without_a_number(tmp_path, monkeypatch):
    def refuse(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(SettingsError, match=r"fovea\.toml: it cannot be read \(Permission denied\)$"):
        load_config(folder=tmp_path)


def test_no_file_is_no_mistake(tmp_path):
    assert read_toml(tmp_path / "fovea.toml") == {}


def test_each_listener_is_given_its_own_table(load):
    config = load('[notify.pager]\nnumber = "7"')
    assert listener_settings(config, listeners=["pager", "bell"]) == {"pager": {"number": "7"}, "bell": {}}


def test_a_table_of_no_listener_is_a_mistake_with_the_nearest_name(load):
    config = load("[notify.pagr]\n[notify.zzz]\n")
    with pytest.raises(SettingsError) as caught:
        listener_settings(config, listeners=["pager", "bell"])
    assert caught.value.mistakes == (
        "fovea.toml: notify.pagr: there is no listener of that name; did you mean 'pager'?",
        "fovea.toml: notify.zzz: there is no listener of that name; there is: bell, pager",
    )


def test_a_table_of_a_plugin_that_did_not_load_is_no_mistake(load):
    assert listener_settings(load("[notify.pager]"), listeners=["bell"], left_out=["pager"]) == {"bell": {}}
