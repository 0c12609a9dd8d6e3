"""A stream of files from its first to its last, in this process."""

from __future__ import annotations

import pytest
from fovea_lane import streaming

from fovea.errors import FoveaError, PluginError
from fovea.live.files import take_files
from fovea.live.inbox import FOLDER, Inbox
from fovea.plugin import Arrival


def never():
    return False


class Sender:
    """Sends files one after the other, and writes down what became of them."""

    def __init__(self, lane):
        self.lane, self.log, self.beats = lane, [], []

    def file(self, name, content=b"abc", acknowledge=None):
        return Arrival(name=name, content=content, acknowledge=acknowledge or (lambda: self.log.append(name)))

    def send(self, *items, stop=never):
        def open_stream(url, view):
            for item in items:
                if isinstance(item, Exception):
                    raise item
                self.log.append(f"sends {getattr(item, 'name', item)}")
                yield item

        own = self.lane.having(domain=streaming(open_stream, kind="files")).own()
        self.beats.clear()
        take_files(own, stop, self.beats.append)

    @property
    def counts(self):
        beat = self.beats[-1]
        return beat.arrived, beat.again, beat.faulty

    @property
    def there(self):
        folder = self.lane.job.root / FOLDER / "gate"
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def sender(lane):
    return Sender(lane)


def test_files_are_put_in_the_inbox_and_counted(sender):
    sender.send(sender.file("a"), sender.file("b/c"))
    assert sender.there == {"a", "b/c"}
    assert sender.counts == (2, 0, 0)
    assert sender.beats[-1].over


def test_a_file_is_acknowledged_before_the_next_is_asked_for(sender):
    sender.send(sender.file("a"), sender.file("b"))
    assert sender.log == ["sends a", "a", "sends b", "b"]


def test_a_file_is_on_disk_when_it_is_acknowledged(sender):
    there = []
    sender.send(sender.file("a", acknowledge=lambda: there.append(sender.there)))
    assert there == [{"a"}]


def test_what_cannot_be_written_is_not_acknowledged(sender, monkeypatch):
    def full(*_):
        raise FoveaError("the inbox cannot be written")

    monkeypatch.setattr(Inbox, "commit", full)
    with pytest.raises(FoveaError, match="the inbox cannot be written"):
        sender.send(sender.file("a"))
    assert sender.log == ["sends a"]


def test_the_same_again_is_acknowledged_again(sender):
    sender.send(sender.file("a"))
    sender.send(sender.file("a"), sender.file("a", b"other"))
    assert sender.counts == (1, 1, 0)
    assert sender.log.count("a") == 3
    assert sender.there == {"a", "a~2"}


@pytest.mark.parametrize(
    "name",
    ["../a", "/a", ".a", "a\0", "", "x" * 300, "half\ud800"],
    ids=["up", "absolute", "hidden", "nul", "", "long", "half"],
)
def test_a_name_that_will_not_do_keeps_its_file_with_the_sender_and_the_others_come(sender, name):
    sender.send(sender.file(name), sender.file("b"))
    assert sender.there == {"b"}
    assert sender.log[1:] == ["sends b", "b"]
    assert sender.counts == (1, 0, 1)
    assert sender.beats[-1].fault


def test_a_file_above_the_limit_stays_with_the_sender(sender, lane):
    limit = int(lane.job.view.max_megabytes * 1e6)
    sender.send(sender.file("large", bytes(limit + 1)))
    assert (sender.there, sender.counts) == (set(), (0, 0, 1))


@pytest.mark.parametrize(
    "item, fault",
    [
        (7, "yielded int, want an Arrival"),
        (Arrival(name=7, content=b"", acknowledge=print), "whose name is no text or whose content is no bytes"),
        (Arrival(name="a", content="text", acknowledge=print), "whose name is no text or whose content is no bytes"),
        (Arrival(name="a", content=b"", acknowledge=None), "yielded an Arrival that cannot be acknowledged"),
    ],
)
def test_what_is_no_arrival_gets_its_sentence_under_the_plugin_s_name(sender, item, fault):
    with pytest.raises(PluginError) as told:
        sender.send(item)
    assert str(told.value).startswith("plugin 'lane' failed in streams['own'].open: ")
    assert fault in str(told.value)


def test_an_acknowledge_that_raises_is_told_and_the_file_is_kept(sender):
    with pytest.raises(PluginError, match=r"open: acknowledge: raised ZeroDivisionError"):
        sender.send(sender.file("a", acknowledge=lambda: 1 / 0))
    assert sender.there == {"a"}
    sender.send(sender.file("a"))
    assert sender.counts == (0, 1, 0)


def test_a_stream_that_breaks_is_told(sender):
    with pytest.raises(PluginError, match="raised OSError: dead"):
        sender.send(sender.file("a"), OSError("dead"))
    assert sender.there == {"a"}


def test_a_stop_ends_it_between_two_files(sender):
    sender.send(sender.file("a"), sender.file("b"), stop=lambda: "a" in sender.log)
    assert sender.there == {"a"}
    assert not sender.beats[-1].over


def test_it_is_open_from_the_first_sign_of_life(sender):
    sender.send()
    assert all(beat.opened for beat in sender.beats)


def test_what_a_watched_folder_holds_is_taken_and_goes(lane, monkeypatch):
    monkeypatch.setattr("fovea.live.pulse.BEAT_S", 0.0)
    (drop,) = lane.sources("drop")
    for name, content in (("a.txt", "1"), ("s+b.txt", "2")):
        (lane.folder / "drop" / name).write_text(content)
    beats = []
    take_files(lane.errand(drop), lambda: bool(beats) and beats[-1].arrived == 2, Both(lane, beats))
    assert sorted(lane.job.root.rglob("*.txt")) == [
        lane.job.root / "inbox" / "drop" / "a.txt",
        lane.job.root / "inbox" / "drop" / "s" / "b.txt",
    ]
    assert list((lane.folder / "drop").glob("*.txt")) == []


class Both:
    """Hears what is told, and lets the folder say goodbye once it is empty."""

    def __init__(self, lane, beats):
        self.folder, self.beats = lane.folder / "drop", beats

    def __call__(self, beat):
        self.beats.append(beat)
        if not list(self.folder.glob("*.txt")):
            (self.folder / "end").touch()
