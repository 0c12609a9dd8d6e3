from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

NAME = "DOE^SENTINEL"
PATIENT = "PID-SENTINEL-77"


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("FOVEA_MEDICAL_KEY", "a key for tests only, long enough")


@pytest.fixture
def real():
    """The folder of real data."""
    folder = os.environ.get("FOVEA_REAL_DATA")
    if not folder or not (Path(folder) / "medical" / "dicom").is_dir():
        pytest.skip("FOVEA_REAL_DATA names no folder of real data")
    return Path(folder)


def _made(pixels, **elements):
    """A data set of grey 16-bit pixels: (height, width), or (frames, height, width)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    meta.TransferSyntaxUID = elements.pop("syntax", ExplicitVRLittleEndian)
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.SOPClassUID, made.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3.4"
    made.PatientName, made.PatientID = NAME, PATIENT
    made.StudyInstanceUID, made.Modality = "1.2.3", "CR"
    made.Rows, made.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 0
    made.PixelData = pixels.astype(np.uint16).tobytes()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


@pytest.fixture
def made():
    return _made


@pytest.fixture
def saved():
    """Writes a data set below a folder."""

    def save(path, dataset):
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(path, enforce_file_format=True)
        return path

    return save
