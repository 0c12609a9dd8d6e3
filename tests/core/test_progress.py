from __future__ import annotations

import pytest

from fovea.progress import silent, watched


class EnoughError(Exception):
    pass


def test_watched_progress_is_passed_on():
    told = []

    class Noting:
        def start(self, title, total):
            told.append((title, total))

        def advance(self, count=1):
            told.append(count)

        def show(self, **figures):
            told.append(figures)

        def finish(self):
            told.append("done")

    progress = watched(Noting(), lambda: None)
    progress.start("look", 2)
    progress.advance(2)
    progress.show(loss=1)
    progress.finish()
    assert told == [("look", 2), 2, {"loss": 1}, "done"]


def test_work_stops_before_the_item_at_which_the_look_raises():
    looks = iter([False, False, False, True])

    def look():
        if next(looks):
            raise EnoughError

    progress, done = watched(silent(), look), []

    def work():
        progress.start("work", 5)
        for number in range(5):
            progress.advance()
            done.append(number)

    with pytest.raises(EnoughError):
        work()
    assert done == [0, 1]
