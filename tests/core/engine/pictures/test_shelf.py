from __future__ import annotations

import multiprocessing
import os
import threading
import time

import pytest

from fovea.engine.pictures import shelf

DAY = 86_400


def aged(folder, days):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "content").write_text("x")
    long_ago = time.time() - days * DAY
    os.utime(folder, (long_ago, long_ago))
    return folder


def names(cache):
    return {path.name for path in cache.iterdir() if path.is_dir()}


@pytest.mark.parametrize("name, days, stays", [("a", 59, True), ("a", 61, False), (".a", 0.9, True), (".a", 2, False)])
def test_what_nobody_used_for_two_months_goes_and_what_was_half_made_after_a_day(tmp_path, name, days, stays):
    aged(tmp_path / name, days)
    shelf.forget(tmp_path)
    assert names(tmp_path) == ({name} if stays else set())


def test_a_cache_that_is_not_there_has_nothing_to_forget(tmp_path):
    shelf.forget(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_what_is_asked_for_again_stays_with_its_content_and_older_ones_go(tmp_path):
    aged(tmp_path / "mine", 100)
    aged(tmp_path / "theirs", 100)
    assert (shelf.used(tmp_path, "mine") / "content").exists()
    shelf.forget(tmp_path)
    assert names(tmp_path) == {"mine"}


def test_what_is_in_use_is_not_forgotten_by_another_at_the_same_moment(tmp_path):
    done = threading.Event()

    def forgetful():
        while not done.is_set():
            shelf.forget(tmp_path)

    other = threading.Thread(target=forgetful)
    other.start()
    lost = 0
    try:
        for _ in range(50):
            aged(tmp_path / "mine", 100)
            folder = shelf.used(tmp_path, "mine")
            (folder / "mine").write_text("x")
            time.sleep(0.001)
            lost += not (folder / "mine").exists()
    finally:
        done.set()
        other.join()
    assert lost == 0


def test_a_file_that_is_open_can_be_read_after_its_folder_went(tmp_path):
    with (aged(tmp_path / "a", 100) / "content").open() as stream:
        shelf.forget(tmp_path)
        assert not names(tmp_path)
        assert stream.read() == "x"


def test_a_folder_appears_whole_and_takes_its_elders_place(tmp_path):
    aged(tmp_path / "a", 1)
    with shelf.filled(tmp_path / "a") as room:
        (room / "new").write_text("y")
        assert not (tmp_path / "a" / "new").exists()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["new"]
    assert names(tmp_path) == {"a"}


def test_a_folder_that_was_not_finished_leaves_what_was_there(tmp_path):
    aged(tmp_path / "a", 1)
    with pytest.raises(KeyboardInterrupt), shelf.filled(tmp_path / "a"):
        raise KeyboardInterrupt
    assert (tmp_path / "a" / "content").exists()
    assert names(tmp_path) == {"a"}


def _fill(cache):
    for number in range(40):
        with shelf.filled(cache / str(number % 3)) as room:
            (room / "content").write_text("x" * 1000)
        shelf.used(cache, "shared")
        shelf.forget(cache)


def test_two_processes_fill_one_shelf(tmp_path):
    context = multiprocessing.get_context("spawn")
    hands = [context.Process(target=_fill, args=(tmp_path,)) for _ in range(2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert [hand.exitcode for hand in hands] == [0, 0]
    assert names(tmp_path) == {"0", "1", "2", "shared"}
    assert all((tmp_path / name / "content").stat().st_size == 1000 for name in "012")
