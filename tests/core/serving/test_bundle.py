from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace

import pytest

from fovea.errors import BundleRefused, FoveaError, UsageError
from fovea.plugin import Preprocess
from fovea.serving.bundle import FILES, SUMS, Bundle, find_version, open_bundle, write_bundle
from fovea.serving.preprocess import PREPROCESS_ID
from fovea.serving.readings import Alarm, Certainty, Familiar, Review, Sets


def draft(**changes):
    bundle = Bundle(
        name="leaves",
        domain="crop",
        role="disease",
        kind="classify",
        labels=("rust", "scab"),
        preprocess=Preprocess(size=32, fit="letterbox"),
        preprocess_id=PREPROCESS_ID,
        temperature=1.5,
        precisions=("fp32", "bf16"),
        figures={"accuracy": 0.9},
        recipe={"lr": 0.001, "leave_out": []},
        fingerprint="f" * 32,
    )
    return replace(bundle, **changes)


@pytest.fixture
def files(tmp_path):
    there = {name: tmp_path / name for name in FILES if name not in ("bundle.json", "card.md")}
    for name, path in there.items():
        path.write_bytes(name.encode())
    return there


@pytest.fixture
def written(tmp_path, files):
    return write_bundle(draft(), models=tmp_path / "models", files=files, card="# leaves\n").path


def sign_anew(folder):
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES]
    (folder / SUMS).write_text("".join(lines))


def change(folder, **facts):
    path = folder / "bundle.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **facts}))
    sign_anew(folder)


def test_what_was_written_is_read_again(written):
    bundle = open_bundle(written)
    assert replace(bundle, path=draft().path, digest="") == draft()
    assert bundle.card == "# leaves\n"
    assert written.name == f"leaves@{bundle.digest[:8]}.fovea"


def test_the_digest_names_every_byte(tmp_path, files, written):
    before = open_bundle(written).digest
    assert len(before) == 64
    files["network.bin"].write_bytes(b"other")
    after = write_bundle(draft(), models=tmp_path / "models", files=files, card="# leaves\n").digest
    assert after != before


def test_digests_of_learned_pictures_come_back(tmp_path, files):
    files["learned.bin"].write_bytes(bytes(range(16)))
    bundle = write_bundle(draft(), models=tmp_path / "models", files=files, card="")
    assert bundle.learned == {bytes(range(8)), bytes(range(8, 16))}


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_one_flipped_byte_is_refused(written, name):
    content = bytearray((written / name).read_bytes() or b"\0")
    content[0] ^= 1
    (written / name).write_bytes(content)
    with pytest.raises(BundleRefused):
        open_bundle(written)


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_missing_file_is_refused(written, name):
    (written / name).unlink()
    with pytest.raises(BundleRefused, match=f"refused: {name} is missing; copy the whole folder again"):
        open_bundle(written)


def test_a_missing_folder_is_refused_with_exit_code_5(tmp_path):
    with pytest.raises(BundleRefused, match="there is no such folder; name a bundle's folder") as caught:
        open_bundle(tmp_path / "nowhere.fovea")
    assert caught.value.exit_code == 5


def test_a_file_is_refused_as_what_it_is(written):
    with pytest.raises(BundleRefused, match="it is a file, and a bundle is a folder"):
        open_bundle(written / "card.md")


def test_a_file_too_many_is_refused(written):
    (written / "extra.py").write_text("")
    with pytest.raises(BundleRefused, match=r"'extra\.py', which is no part"):
        open_bundle(written)


def test_a_file_too_many_with_a_right_sum_is_refused_too(written):
    (written / "extra.py").write_text("")
    with (written / SUMS).open("a") as sums:
        sums.write(f"{hashlib.sha256(b'').hexdigest()}  extra.py\n")
    with pytest.raises(BundleRefused, match="no part"):
        open_bundle(written)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", ".hidden"])
def test_a_sum_that_points_outside_is_refused(written, name):
    with (written / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  {name}\n")
    with pytest.raises(BundleRefused, match="no plain file"):
        open_bundle(written)


@pytest.mark.parametrize("name", ["card.md", SUMS])
def test_a_link_is_refused_even_to_the_same_bytes(written, tmp_path, name):
    (written / name).rename(tmp_path / "moved")
    (written / name).symlink_to(tmp_path / "moved")
    with pytest.raises(BundleRefused, match="no regular file"):
        open_bundle(written)


def test_a_pipe_is_refused_and_not_waited_for(written):
    (written / "card.md").unlink()
    os.mkfifo(written / "card.md")
    with pytest.raises(BundleRefused, match="no regular file"):
        open_bundle(written)


def test_a_newer_format_is_told_before_anything_else(written):
    change(written, format_version=2, labels=7)
    with pytest.raises(BundleRefused, match="format version 2 is newer than 1; update Fovea"):
        open_bundle(written)


def test_another_preprocessing_is_refused(written):
    change(written, preprocess_id="nearest-0")
    with pytest.raises(BundleRefused, match="trained with the preprocessing nearest-0"):
        open_bundle(written)


@pytest.mark.parametrize(
    "facts",
    [
        {"labels": ["rust", "rust"]},
        {"labels": ["rust", ""]},
        {"temperature": 0},
        {"temperature": -1.0},
        {"kind": "guess"},
        {"preprocess": {"size": "large"}},
        {"labels": None},
    ],
)
def test_a_description_that_makes_no_sense_is_refused(written, facts):
    change(written, **facts)
    with pytest.raises(BundleRefused):
        open_bundle(written)


SETS = {"points": [0.1, 0.2], "coverage": 0.9}
ALARM = {"labels": ["rust"], "point": 0.1, "aim": "the greatest F1"}


@pytest.mark.parametrize(
    "told",
    [
        {"sets": {**SETS, "points": [0.1]}},
        {"sets": {**SETS, "points": [0.1, 1.1]}},
        {"sets": {**SETS, "coverage": 1.0}},
        {"sets": {**SETS, "pooled": ["mildew"]}},
        {"review": {"sure": 2.0, "share": 0.1, "error": 0.0}},
        {"review": {"sure": 0.5, "share": 0.0, "error": 0.0}},
        {"familiar": {"most": -1.0, "kept": 0.95}},
        {"familiar": {"most": float("inf"), "kept": 0.95}},
        {"alarm": {**ALARM, "labels": []}},
        {"alarm": {**ALARM, "labels": ["rust", "scab"]}},
        {"alarm": {**ALARM, "labels": ["mildew"]}},
        {"alarm": {**ALARM, "point": float("nan")}},
        {"sets": "many"},
    ],
)
def test_a_certainty_that_makes_no_sense_is_refused(written, told):
    change(written, certainty=told)
    with pytest.raises(BundleRefused, match=r"certainty makes no sense|does not say what a bundle is"):
        open_bundle(written)


def test_a_certainty_is_read_again(tmp_path, files):
    of = Certainty(
        sets=Sets(points=(0.1, 0.2), coverage=0.9, pooled=("scab",)),
        review=Review(sure=0.5, share=0.1, error=0.02),
        familiar=Familiar(most=2.5, kept=0.95),
        alarm=Alarm(labels=("rust",), point=0.1, aim="the greatest F1"),
        lacking=("It tells nothing else.",),
    )
    written = write_bundle(draft(certainty=of), models=tmp_path / "models", files=files, card="")
    assert open_bundle(written.path).certainty == of


def test_a_bundle_from_before_there_was_a_certainty_opens(written):
    assert "certainty" not in json.loads((written / "bundle.json").read_text())
    assert open_bundle(written).certainty is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "\xff", '{"format_version": "1"}'])
def test_a_description_that_is_none_is_refused(written, text):
    (written / "bundle.json").write_text(text, encoding="latin-1")
    sign_anew(written)
    with pytest.raises(BundleRefused, match="does not say what a bundle is"):
        open_bundle(written)


@pytest.fixture
def write(tmp_path, files):
    """Write a bundle of the same name with another temperature."""

    def write(temperature):
        return write_bundle(draft(temperature=temperature), models=tmp_path / "models", files=files, card="")

    return write


def test_a_name_leads_to_its_newest_version_and_the_elder_stays_as_it_was(written, write):
    before = open_bundle(written)
    again = write(2.0)
    assert open_bundle(written.with_name("leaves.fovea")) == again
    assert open_bundle(written) == before
    names = sorted(path.name for path in written.parent.iterdir())
    assert names == sorted(["leaves.fovea", written.name, again.path.name])


def test_a_bundle_opened_by_its_name_keeps_its_version_whatever_is_written_next(written, write):
    opened = open_bundle(written.with_name("leaves.fovea"))
    write(2.0)
    assert opened.path == written
    assert opened.card == "# leaves\n"


def test_the_same_bytes_are_the_same_version(write):
    first, second = write(2.0), write(2.0)
    assert second == first
    assert len(list(first.path.parent.iterdir())) == 2


@pytest.mark.parametrize("killed", ["put", "lead", "replace"])
def test_killed_between_two_steps_no_version_is_lost_and_the_name_still_leads_somewhere(
    monkeypatch, written, write, killed
):
    class Killed(BaseException):
        pass

    def kill(*_):
        raise Killed

    before, folder = open_bundle(written), written.parent
    if killed == "put":
        monkeypatch.setattr("fovea.serving.bundle._put", kill)
    elif killed == "lead":
        monkeypatch.setattr("fovea.serving.bundle._lead", kill)
    else:
        monkeypatch.setattr("pathlib.Path.replace", kill)
    with pytest.raises(Killed):
        write(2.0)
    monkeypatch.undo()
    assert open_bundle(folder / "leaves.fovea") == before
    again = write(2.0)
    assert open_bundle(folder / "leaves.fovea") == again
    assert open_bundle(written) == before
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_folder_that_lies_where_the_name_leads_is_kept_aside(written, write):
    elder, link = open_bundle(written), written.with_name("leaves.fovea")
    link.unlink()
    written.rename(link)  # as bundles lay before they had versions
    newer = write(2.0)
    assert open_bundle(link) == newer
    assert open_bundle(written) == elder


def test_a_version_is_found_where_it_was_and_where_it_was_put_aside(written, write):
    digest, link = open_bundle(written).digest, written.with_name("leaves.fovea")
    assert find_version(link, digest) == link
    write(2.0)
    assert find_version(link, digest) == written
    assert find_version(written, digest) == written


def test_a_version_that_is_gone_is_not_found(written, write):
    write(2.0)
    assert find_version(written.with_name("leaves.fovea"), "0" * 64) is None


def test_a_failed_writing_leaves_the_elder_bundle_and_no_rest(tmp_path, files, written):
    before = open_bundle(written).digest
    files["network.bin"].unlink()
    with pytest.raises(FoveaError, match="could not be written"):
        write_bundle(draft(), models=tmp_path / "models", files=files, card="")
    assert open_bundle(written).digest == before
    assert sorted(path.name for path in written.parent.iterdir()) == ["leaves.fovea", written.name]


def test_a_bundle_without_its_network_is_not_written(tmp_path, files):
    del files["network.xml"]
    with pytest.raises(UsageError, match=r"without network\.xml"):
        write_bundle(draft(), models=tmp_path / "models", files=files, card="")


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "white space", "x" * 101])
def test_a_name_that_is_no_folder_is_refused(tmp_path, files, name):
    with pytest.raises(UsageError, match="is no name for a bundle"):
        write_bundle(draft(name=name), models=tmp_path, files=files, card="")
