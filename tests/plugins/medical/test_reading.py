from __future__ import annotations

import logging
import os
import stat
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from fovea_medical.digests import digest, read_key
from fovea_medical.reading import read_samples
from fovea_medical.settings import MedicalView

PIXELS = np.arange(12).reshape(3, 4)


def samples(root, **view):
    return list(read_samples(root=root, view=MedicalView(**view)))


def test_a_file_of_a_labelled_folder_becomes_a_sample(tmp_path, made, saved):
    facts = {"StudyDate": "20260501", "StudyTime": "083000.12", "TimezoneOffsetFromUTC": "+0200", "InstanceNumber": 7}
    saved(tmp_path / "effusion" / "a.dcm", made(PIXELS, **facts, ViewPosition="PA"))

    (sample,) = samples(tmp_path)

    assert (sample.source, sample.part, sample.targets) == ("effusion/a.dcm", "", {"finding": "effusion"})
    assert sample.time.astimezone(UTC) == datetime(2026, 5, 1, 6, 30, tzinfo=UTC)
    assert (sample.order, sample.attributes) == (7.0, {"modality": "CR", "view": "PA"})


def test_one_patient_is_one_group_and_one_study_one_unit(tmp_path, made, saved):
    saved(tmp_path / "x" / "a.dcm", made(PIXELS, PatientID="1", StudyInstanceUID="1.1"))
    saved(tmp_path / "y" / "b.dcm", made(PIXELS, PatientID="1", StudyInstanceUID="1.2"))
    saved(tmp_path / "y" / "c.dcm", made(PIXELS, PatientID="2", StudyInstanceUID="1.3"))

    a, b, c = samples(tmp_path)

    assert a.group == b.group != c.group
    assert len({a.unit, b.unit, c.unit}) == 3


def test_no_name_and_no_number_of_a_patient_gets_out(tmp_path, made, saved, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    path = saved(tmp_path / "x" / "a.dcm", made(PIXELS, BodyPartExamined="PLACEHOLDER1", InstanceNumber=12345678))
    spoiled = path.read_bytes().replace(b"PLACEHOLDER1", b"doe sentinel").replace(b"12345678", b"SENTINEL")
    (tmp_path / "x" / "b.dcm").write_bytes(spoiled)  # pydicom tells such values in warnings and in exceptions

    told = repr(samples(tmp_path)) + caplog.text + "".join(capfd.readouterr())

    assert "1.2.3" not in told
    assert "sentinel" not in told.lower()


def test_digests_hold_for_one_key_and_tell_nothing_under_another(monkeypatch):
    first = digest(read_key(MedicalView()), "patient", "77")
    monkeypatch.setenv("FOVEA_MEDICAL_KEY", "quite another key, also long enough")

    assert digest(read_key(MedicalView()), "patient", "77") != first
    assert digest(b"k", "patient", "1", "23") != digest(b"k", "patient", "12", "3")


def test_a_key_is_made_once_where_none_is_set_and_only_its_owner_may_read_it(tmp_path, monkeypatch):
    monkeypatch.delenv("FOVEA_MEDICAL_KEY")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    first, second = read_key(MedicalView()), read_key(MedicalView())

    assert first == second
    assert len(first) == 64
    assert stat.S_IMODE(os.stat(tmp_path / "fovea" / "medical.key").st_mode) == 0o600
    assert os.listdir(tmp_path / "fovea") == ["medical.key"]


def test_a_short_key_and_a_key_in_the_settings_are_refused(monkeypatch):
    monkeypatch.setenv("FOVEA_MEDICAL_KEY", "short")
    with pytest.raises(ValueError, match="fewer than 16"):
        read_key(MedicalView())
    with pytest.raises(ValidationError, match="never the secret itself"):
        MedicalView(key="hunter2")


def test_every_frame_of_a_file_is_a_sample(tmp_path, made, saved):
    saved(tmp_path / "x" / "a.dcm", made(np.zeros((3, 4, 4))))

    assert [s.part for s in samples(tmp_path)] == ["00001", "00002", "00003"]


def test_files_without_a_suffix_are_told_by_content(tmp_path, made, saved):
    saved(tmp_path / "x" / "1.2.840.113619.2", made(PIXELS))
    saved(tmp_path / "x" / "IM0001", made(PIXELS))
    (tmp_path / "x" / "notes.txt").write_text("no picture")

    assert [s.source for s in samples(tmp_path)] == ["x/1.2.840.113619.2", "x/IM0001"]


def test_an_object_without_a_picture_is_left_out_and_a_file_that_is_none_is_not(tmp_path, made, saved):
    saved(tmp_path / "x" / "report.dcm", made(PIXELS, Modality="SR"))
    (tmp_path / "x" / "text.dcm").write_text("no DICOM file")

    assert [(s.source, s.targets) for s in samples(tmp_path)] == [("x/text.dcm", {"finding": "x"})]


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        samples(tmp_path / "nowhere")
