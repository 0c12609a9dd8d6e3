"""The plugins that come with Fovea keep the contract that they set an example for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

import fovea_crop
import fovea_medical
import fovea_notify
import fovea_security
from fovea.testing import check_plugin

MAKE = Path(__file__).parents[2] / "sample_data" / "make.py"


@pytest.fixture(scope="module")
def leaves(tmp_path_factory):
    out = tmp_path_factory.mktemp("leaves")
    command = [sys.executable, str(MAKE), str(out), "--plants", "2", "--size", "96"]
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    return out


@pytest.fixture
def frames(tmp_path):
    noise = np.random.default_rng(7)
    for clip in ("calm/gate", "fight/yard"):
        (tmp_path / clip).mkdir(parents=True)
        for number in range(3):
            Pillow.fromarray(noise.integers(0, 256, (72, 96, 3), np.uint8)).save(tmp_path / clip / f"{number}.png")
    return tmp_path


def dicom(path, number):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, meta.MediaStorageSOPInstanceUID
    made.PatientName, made.PatientID = "DOE^SENTINEL", f"PID-SENTINEL-{number}"
    made.StudyInstanceUID, made.Modality = f"1.2.{number}", "CR"
    made.Rows, made.Columns = 60, 80
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    made.PixelData = np.random.default_rng(number).integers(0, 4096, (60, 80)).astype(np.uint16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    made.save_as(path, enforce_file_format=True)


@pytest.fixture
def studies(tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEA_MEDICAL_KEY", "a key for tests only, long enough")
    for number, name in enumerate(("normal/a.dcm", "normal/b.dcm", "fracture/c.dcm"), start=1):
        dicom(tmp_path / name, number)
    return tmp_path


def test_crop_keeps_the_contract_on_labelled_leaves(leaves):
    assert check_plugin(fovea_crop, leaves / "train").require().notes == ()


def test_crop_keeps_the_contract_on_a_farm_with_damaged_files(leaves):
    checked = check_plugin(fovea_crop, leaves / "site").require()

    assert {note.partition(":")[0] for note in checked.notes} == {"read_samples", "load_images", "batch"}


def test_security_keeps_the_contract_on_frames(frames):
    assert check_plugin(fovea_security, frames).require().notes == ()


def test_security_keeps_the_contract_with_a_privacy_mask(frames):
    mask = 'view.masks=[{"cameras": "*", "polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}]'

    assert check_plugin(fovea_security, frames, settings=[mask]).require().notes == ()


def test_medical_keeps_the_contract_on_studies(studies):
    assert check_plugin(fovea_medical, studies).require().notes == ()


def test_notify_keeps_the_contract_of_a_listener(tmp_path):
    assert [step.name for step in check_plugin(fovea_notify, tmp_path).require().steps] == ["loading", "listener"]
