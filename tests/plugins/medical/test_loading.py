from __future__ import annotations

import zlib
from collections import Counter
from itertools import groupby
from struct import pack

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from fovea.plugin import Image, Sample, Unreadable
from fovea_medical.files import _meta
from fovea_medical.loading import _stored, load_images
from fovea_medical.reading import read_samples
from fovea_medical.rle import decode_frame
from fovea_medical.settings import MedicalView

RAMP = np.arange(0, 1000, 10).reshape(10, 10)


@pytest.fixture
def loaded(tmp_path, saved):
    """The answers for the parts of a data set that was written to a file."""

    def load(dataset, *parts, **view):
        saved(tmp_path / "a.dcm", dataset)
        return answers(tmp_path, "a.dcm", *parts, **view)

    return load


def answers(root, source, *parts, **view):
    wanted = [Sample(source=source, part=part) for part in parts or ("",)]
    made = list(load_images(root=root, samples=wanted, view=MedicalView(**view), side=None))
    assert len(made) == len(wanted)
    return made


def code(answer):
    assert isinstance(answer, Unreadable)
    return answer.code


def test_without_a_window_the_picture_spans_its_values(loaded, made):
    (image,) = loaded(made(RAMP))

    assert image.pixels.dtype == np.float32
    assert image.pixels == pytest.approx(RAMP / 990, abs=1e-6)


def test_the_slope_comes_before_the_window(loaded, made):
    (image,) = loaded(made(RAMP, RescaleSlope=2, RescaleIntercept=-1000, WindowCenter=0.5, WindowWidth=1001))

    # PS3.3 C.11.2.1.2.1: ((x - (c - 0.5)) / (w - 1) + 0.5), here x / 1000 + 0.5 of the values after the slope
    assert image.pixels == pytest.approx(np.clip((2 * RAMP - 1000) / 1000 + 0.5, 0, 1), abs=1e-6)


def test_the_sides_of_a_window_are_black_and_white(loaded, made):
    (image,) = loaded(made(RAMP, WindowCenter=500, WindowWidth=100, VOILUTFunction="LINEAR_EXACT"))

    assert (image.pixels[RAMP <= 450] == 0).all()
    assert (image.pixels[RAMP >= 550] == 1).all()
    assert image.pixels[5, 0] == pytest.approx(0.5)


def test_a_sigmoid_window_is_half_grey_at_its_centre(loaded, made):
    (image,) = loaded(made(RAMP, WindowCenter=500, WindowWidth=100, VOILUTFunction="SIGMOID"))

    assert image.pixels[5, 0] == pytest.approx(0.5)
    assert image.pixels[6, 0] == pytest.approx(1 / (1 + np.exp(-4)))


def test_white_is_least_in_monochrome1_and_is_turned_round(loaded, made):
    (plain,), (turned,) = loaded(made(RAMP)), loaded(made(RAMP, PhotometricInterpretation="MONOCHROME1"))

    assert turned.pixels == pytest.approx(1 - plain.pixels)


def test_padding_does_not_widen_the_range(loaded, made):
    pixels = RAMP.copy()
    pixels[0, :5] = 60000

    (image,) = loaded(made(pixels, PixelPaddingValue=60000))

    assert image.pixels[9, 9] == 1.0


def test_twelve_bits_keep_their_levels(loaded, made):
    (image,) = loaded(made(np.arange(4096).reshape(64, 64)))

    assert len(np.unique(image.pixels)) == 4096


def test_the_spacing_is_the_patients_else_the_detectors(loaded, made):
    (patient,) = loaded(made(RAMP, PixelSpacing=[0.5, 0.25], ImagerPixelSpacing=[0.1, 0.1]))
    (detector,) = loaded(made(RAMP, ImagerPixelSpacing=[0.1, 0.2]))
    (unknown,) = loaded(made(RAMP))

    assert (patient.spacing_mm, detector.spacing_mm, unknown.spacing_mm) == ((0.5, 0.25), (0.1, 0.2), None)


def test_frames_come_as_asked_for(loaded, made):
    frames = np.stack([RAMP, RAMP[::-1], RAMP.T])

    third, first, missing = loaded(made(frames, WindowCenter=500, WindowWidth=1000), "00003", "00001", "00004")

    assert third.pixels == pytest.approx(first.pixels.T)
    assert code(missing) == "page"


def test_a_window_in_the_shared_groups_of_an_enhanced_file_is_used(loaded, made):
    window, shared = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth, window.VOILUTFunction = 500, 100, "LINEAR_EXACT"
    shared.FrameVOILUTSequence = [window]

    (image,) = loaded(made(RAMP[None], SharedFunctionalGroupsSequence=[shared]), "00001")

    assert (image.pixels[RAMP <= 450] == 0).all()


def test_colour_is_eight_bit_rgb(loaded, made):
    pixels = np.random.default_rng(2).integers(0, 255, (6, 4, 3), np.uint8)
    colour = made(RAMP[:6, :4], SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    colour.BitsAllocated, colour.BitsStored, colour.HighBit, colour.PixelData = 8, 8, 7, pixels.tobytes()

    (image,) = loaded(colour)

    assert image.pixels.dtype == np.uint8
    assert (image.pixels == pixels).all()


def test_run_lengths_and_deflation_lose_nothing(loaded, made):
    plain = loaded(made(np.stack([RAMP, RAMP.T])), "00001", "00002")
    packed = made(np.stack([RAMP, RAMP.T]))
    packed.compress(RLELossless)
    deflated = made(np.stack([RAMP, RAMP.T]), syntax=DeflatedExplicitVRLittleEndian)

    for again in (loaded(packed, "00001", "00002"), loaded(deflated, "00001", "00002")):
        assert all((a.pixels == b.pixels).all() for a, b in zip(again, plain, strict=True))


def test_a_compression_that_is_not_read_is_named(loaded, made):
    dataset = made(RAMP, syntax=JPEG2000Lossless)
    dataset.PixelData = encapsulate([b"\xff\x4f\xff\x51" + bytes(60)])

    assert code(*loaded(dataset)) == "syntax"


def test_a_file_that_is_no_dicom_has_a_reason(tmp_path):
    (tmp_path / "a.dcm").write_text("no DICOM file")
    (tmp_path / "empty.dcm").touch()
    (tmp_path / "folder.dcm").mkdir()

    assert [code(*answers(tmp_path, f"{name}.dcm")) for name in ("a", "empty", "folder", "nowhere")] == [
        "format",
        "empty",
        "no-file",
        "missing",
    ]


def test_limits_hold_before_anything_is_decoded(loaded, made):
    lying = made(RAMP)
    lying.Rows = lying.Columns = 60000

    assert code(*loaded(lying)) == "bomb"
    assert code(*loaded(made(RAMP), max_megabytes=0.0001)) == "too-large"
    assert code(*loaded(made(np.zeros((3, 2, 2))), max_frames=2)) == "bomb"


def test_pixels_that_are_not_all_there_are_refused(loaded, made):
    short = made(RAMP)
    short.Rows = 1000

    assert code(*loaded(short)) == "truncated"


def test_a_deflated_bomb_is_not_unfolded(tmp_path, made, saved):
    path = saved(tmp_path / "a.dcm", made(RAMP, syntax=DeflatedExplicitVRLittleEndian))
    data = path.read_bytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(data[: _meta(data)[1]] + packer.compress(bytes(3_000_000)) + packer.flush())

    assert code(*answers(tmp_path, "a.dcm", max_inflated_megabytes=2)) == "bomb"
    assert len(list(read_samples(root=tmp_path, view=MedicalView(max_inflated_megabytes=2)))) == 1


def test_no_value_of_the_file_is_in_a_reason(loaded, made, capfd):
    spoiled = made(RAMP)
    spoiled.PhotometricInterpretation = "SENTINEL"
    lying = made(RAMP, WindowCenter=1)
    lying.add_new(0x00280103, "US", 9)

    told = repr(loaded(spoiled)) + repr(loaded(lying)) + "".join(capfd.readouterr())

    assert "SENTINEL" not in told


def test_runs_are_followed_no_further_than_the_picture():
    header = pack("<16L", 1, 64, *[0] * 14)
    runs = b"\x81\x07" * 100_000  # unfolds to 12.8 MB

    assert decode_frame(header + runs, pixels=50, samples=1, bytes_each=1) == b"\x07" * 50


def test_runs_that_end_too_early_are_an_error():
    with pytest.raises(ValueError, match="ends before"):
        decode_frame(pack("<16L", 1, 64, *[0] * 14) + b"\x00\x01", pixels=50, samples=1, bytes_each=1)


def every_answer(root):
    """All answers of a folder by source."""
    view = MedicalView()
    for source, parts in groupby(read_samples(root=root, view=view), key=lambda sample: sample.source):
        wanted = list(parts)
        got = list(load_images(root=root, samples=wanted, view=view, side=None))
        assert len(got) == len(wanted)
        yield source, got


@pytest.mark.real
def test_every_real_file_is_a_picture_or_has_a_reason(real):
    counts: Counter[str] = Counter()
    for _, got in every_answer(real / "medical" / "dicom"):
        counts.update("picture" if isinstance(answer, Image) else answer.code for answer in got)

    assert set(counts) == {"picture", "syntax"}
    assert counts["picture"] >= 100


@pytest.mark.real
def test_run_lengths_decode_as_pydicom_decodes_them(real):
    for path in sorted((real / "medical" / "dicom" / "nema_wg04" / "RLE").iterdir()):
        dataset = dcmread(path)
        if dataset.PhotometricInterpretation != "MONOCHROME2" or dataset.Rows * dataset.Columns > 300_000:
            continue
        assert (_stored(dataset, 0) == pixel_array(dataset, index=0)).all()


@pytest.mark.real
@pytest.mark.parametrize("folder", ["pydicom", "pwnlab-dicom", "generated"])
def test_hostile_files_raise_nothing_and_stay_small(real, folder):
    import tracemalloc

    tracemalloc.start()
    seen = 0
    for _, got in every_answer(real / "badfiles" / folder):
        seen += 1
        for answer in got:
            assert isinstance(answer, Image | Unreadable)
            if isinstance(answer, Image):
                assert np.isfinite(answer.pixels).all()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert seen
    assert peak < 300e6


def test_implicit_elements_are_read(loaded, made):
    (image,) = loaded(made(RAMP, syntax=ImplicitVRLittleEndian))

    assert image.pixels.shape == (10, 10)
