from __future__ import annotations

import os

import pytest

from fovea.plugin import PathPattern, find_files


@pytest.fixture
def folder(tmp_path):
    for name in ("b.JPG", "a/2.png", "a/1.tif", "a/notes.txt", ".hidden/x.jpg", "a/.x.jpg", "c.jpg.part"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")
    return tmp_path


def test_pictures_are_found_in_a_stable_order_and_hidden_ones_are_not(folder):
    assert list(find_files(folder)) == ["a/1.tif", "a/2.png", "b.JPG"]


def test_other_suffixes_are_found_when_asked_for(folder):
    assert list(find_files(folder, frozenset({".txt"}))) == ["a/notes.txt"]


def test_a_loop_of_links_ends(folder):
    (folder / "a" / "loop").symlink_to(folder, target_is_directory=True)
    assert len(list(find_files(folder))) == 3


def test_a_link_to_a_picture_is_a_picture(folder):
    (folder / "d.jpg").symlink_to(folder / "b.JPG")
    assert "d.jpg" in list(find_files(folder))


def test_a_folder_named_like_a_picture_is_none(folder):
    (folder / "album.jpg").mkdir()
    assert "album.jpg" not in list(find_files(folder))


def test_a_name_that_is_not_utf8_comes_back_as_its_bytes(folder):
    with open(os.path.join(os.fsencode(folder), b"\xff.jpg"), "wb"):
        pass
    assert b"\xff.jpg" in [os.fsencode(path) for path in find_files(folder)]


def test_a_root_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        list(find_files(tmp_path / "gone"))


@pytest.mark.parametrize(
    "pattern,path,read",
    [
        ("{field}/{plant}-{shot}", "north/p1-2.jpg", {"field": "north", "plant": "p1", "shot": "2"}),
        ("{label}/{name}", "a/b/rust/1.jpg", {"label": "rust", "name": "1"}),
        ("{label}/{name}", "1.jpg", None),
        ("{plant}/{plant}", "p1/p1.jpg", {"plant": "p1"}),
        ("{plant}/{plant}", "p1/p2.jpg", None),
        ("{name}", "a.b.jpg", {"name": "a.b"}),
        ("{name}", "two\nlines.jpg", {"name": "two\nlines"}),
        ("x.y/{name}", "xzy/1.jpg", None),
    ],
)
def test_a_pattern_takes_a_path_apart(pattern, path, read):
    assert PathPattern(pattern).read(path) == read


@pytest.mark.parametrize("pattern", ["", "north", "{", "{Name}", "{a", "a}", "{a b}/{c}", "}{a}{"])
def test_a_pattern_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(ValueError, match="needs at least one hole"):
        PathPattern(pattern)
