from __future__ import annotations

import struct

from fovea.engine.learning import boards

CURVES = [{"train_loss": 1.5, "loss": 1.25, "seconds": 2.0}, {"train_loss": 0.5, "loss": float("nan"), "seconds": 3.0}]


def records(content):
    """The messages of a file, their checksums held to what stands beside them."""
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        message = content[12 : 12 + length]
        sums = struct.unpack("<I", content[8:12]) + struct.unpack("<I", content[12 + length : 16 + length])
        assert sums == (boards.masked(content[:8]), boards.masked(message))
        yield message
        content = content[16 + length :]


def test_there_is_a_record_for_the_version_and_one_for_each_epoch(tmp_path):
    found = list(records(boards.write(tmp_path, CURVES).read_bytes()))
    assert len(found) == 3
    assert b"brain.Event:2" in found[0]
    assert b"train_loss\x15" + struct.pack("<f", 1.5) in found[1]
    assert b"\x10\x02" in found[2]  # its step


def test_a_figure_that_is_no_number_is_left_out(tmp_path):
    *_, last = records(boards.write(tmp_path, CURVES).read_bytes())
    assert b"train_loss" in last
    assert b"\x04loss" not in last


def test_what_is_written_is_added_to_and_not_written_anew(tmp_path):
    first = boards.write(tmp_path, CURVES[:1])
    before, place = first.read_bytes(), first.stat().st_ino
    again = boards.write(tmp_path, CURVES)
    assert again == first
    assert again.stat().st_ino == place
    assert again.read_bytes().startswith(before)


def test_a_file_of_other_curves_is_written_anew(tmp_path):
    boards.write(tmp_path, CURVES)
    _, last = records(boards.write(tmp_path, CURVES[1:]).read_bytes())
    assert b"train_loss\x15" + struct.pack("<f", 0.5) in last


def test_many_epochs_and_figures_are_written_whole(tmp_path):
    curves = [{f"figure {number}": float(number) for number in range(30)}] * 300
    assert len(list(records(boards.write(tmp_path, curves).read_bytes()))) == 301
