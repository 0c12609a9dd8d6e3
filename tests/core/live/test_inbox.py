from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fovea.errors import FoveaError
from fovea.live.inbox import FOLDER, Inbox


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "site").mkdir()
    return Inbox(tmp_path / "site", "pacs", 1.0)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "site" / FOLDER / "pacs"


def files(folder):
    """Whatever lies there, by its path; what is hidden too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["a.dcm", "study/series/1", "a b", "ü.dcm", "no-suffix", "x" * 200, "a\\b", "~"])
def test_a_file_is_put_where_it_says(inbox, folder, name):
    assert inbox.commit(name, b"abc") == folder / name
    assert files(folder) == {name: b"abc"}


def test_a_name_that_is_no_utf8_is_taken(inbox, folder):
    name = os.fsdecode(b"caf\xe9.dcm")
    assert inbox.commit(name, b"abc") == folder / name


def test_an_empty_file_is_a_file(inbox, folder):
    inbox.commit("a", b"")
    assert files(folder) == {"a": b""}


@pytest.mark.parametrize(
    "name",
    ["../a", "a/../../b", "..", ".", "", "/etc/passwd", "//a", ".hidden", "a/.hidden", "a\0b", "a/..", "./..", "/"],
)
def test_a_name_that_leads_out_or_hides_is_refused(inbox, tmp_path, name):
    with pytest.raises(ValueError, match="is no name for a file in the inbox: want a relative path without"):
        inbox.commit(name, b"abc")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("name", ["x" * 201, "ü" * 101, "a/" + "x" * 201, "/".join(["x" * 150] * 30)[:4500]])
def test_a_name_that_is_too_long_is_refused(inbox, name):
    with pytest.raises(ValueError, match=r"^'.{1,103}' is too long a name for a file$"):
        inbox.commit(name, b"abc")


def test_half_a_character_is_refused_in_a_sentence_that_can_be_printed(inbox):
    with pytest.raises(ValueError, match="holds half a character") as told:
        inbox.commit("a\ud800", b"abc")
    assert str(told.value).isascii()


def test_a_file_above_the_limit_is_refused(inbox, folder):
    inbox.commit("fits", bytes(1_000_000))
    with pytest.raises(ValueError, match=r"'more' has 1\.0 MB, above the limit of 1 MB \(view\.max_megabytes\)"):
        inbox.commit("more", bytes(1_000_001))
    assert list(files(folder)) == ["fits"]


def test_the_same_again_is_known(inbox, folder):
    inbox.commit("a.dcm", b"abc")
    assert inbox.commit("a.dcm", b"abc") is None
    assert files(folder) == {"a.dcm": b"abc"}


def test_another_of_the_same_name_is_kept_beside_it(inbox, folder):
    paths = [inbox.commit("s/a.dcm", content) for content in (b"1", b"22", b"3")]
    assert [path.name for path in paths] == ["a.dcm", "a~2.dcm", "a~3.dcm"]
    assert files(folder) == {"s/a.dcm": b"1", "s/a~2.dcm": b"22", "s/a~3.dcm": b"3"}


def test_one_kept_beside_is_known_too(inbox):
    for content in (b"1", b"2"):
        inbox.commit("a", content)
    assert inbox.commit("a", b"2") is None


def test_a_file_of_a_folder_s_name_is_kept_beside_it(inbox, folder):
    inbox.commit("a/1", b"x")
    assert inbox.commit("a", b"y") == folder / "a~2"


def test_a_file_in_a_folder_of_a_file_s_name_is_refused(inbox, folder):
    inbox.commit("a", b"x")
    with pytest.raises(ValueError, match="'1' lies in a folder whose name a file has already"):
        inbox.commit("a/b/1", b"y")
    assert files(folder) == {"a": b"x"}


def test_a_link_that_leads_nowhere_is_not_written_through(inbox, folder):
    folder.mkdir(parents=True)
    (folder / "a").symlink_to(folder / "nowhere")
    assert inbox.commit("a", b"x") == folder / "a~2"
    assert not (folder / "nowhere").exists()


def test_two_streams_do_not_meet(inbox, tmp_path):
    inbox.commit("a", b"1")
    Inbox(tmp_path / "site", "ward", 1.0).commit("a", b"2")
    assert files(tmp_path / "site" / FOLDER) == {"pacs/a": b"1", "ward/a": b"2"}


def test_a_file_is_on_disk_before_it_shows_and_its_folders_are_too(inbox, folder, monkeypatch):
    seen, sync = [], os.fsync

    def watched(number):
        path = Path(f"/proc/self/fd/{number}").resolve()
        seen.append((path.name, (folder / "s" / "a").exists()))
        sync(number)

    monkeypatch.setattr(os, "fsync", watched)
    inbox.commit("s/a", b"abc")
    assert seen == [("site", False), (FOLDER, False), ("pacs", False), (".a.part", False), ("s", True)]


def test_a_write_that_fails_leaves_nothing(inbox, folder, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    inbox.commit("first", b"")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FoveaError, match=r"the inbox .* cannot be written: No space left on device"):
        inbox.commit("a", b"abc")
    assert list(files(folder)) == ["first"]


def test_what_a_kill_left_half_written_is_written_over(inbox, folder):
    folder.mkdir(parents=True)
    (folder / ".a.part").write_bytes(b"half of someth")
    inbox.commit("a", b"abc")
    assert files(folder) == {"a": b"abc"}


def test_an_inbox_that_cannot_be_written_is_told(inbox, tmp_path):
    (tmp_path / "site" / FOLDER).write_text("a file in its place")
    with pytest.raises(FoveaError, match=r"the inbox .* cannot be written"):
        inbox.commit("a", b"abc")


def test_a_site_that_is_away_is_not_made_anew(inbox, tmp_path):
    (tmp_path / "site").rmdir()
    with pytest.raises(FoveaError, match=r"the site's folder .* is not there: what was not taken comes again"):
        inbox.commit("a", b"abc")
    assert not (tmp_path / "site").exists()
