"""From a DICOM file's frames to pictures: grey ones as float32 in [0, 1] after the display's own steps, in order.

Modality LUT or rescale, then VOI window, then polarity (PS3.4 N.2): a window applied before the slope, or an
inversion before the window, gives a picture that looks right and is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fovea.plugin import Image, Sample, Unreadable
from fovea_medical.files import MEGA, Refused, read_whole, silence
from fovea_medical.rle import decode_frame
from fovea_medical.settings import MedicalView

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"})
RLE = "1.2.840.10008.1.2.5"
GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"})


def load_images(
    root: Path, samples: Sequence[Sample], view: MedicalView, side: int | None
) -> Iterator[Image | Unreadable]:
    """One answer for each frame asked for, at full size; never raises for a bad file.

    Grey pictures are float32 (height, width) in [0, 1], colour ones uint8 (height, width, 3) RGB. ``spacing_mm`` is
    the pixel spacing in the patient, else at the detector (which is larger than in the patient).
    """
    del side  # the network's own preprocessing makes it smaller; a reduced decode needs a codec that has one
    try:
        whole = read_whole(root, samples[0].source, view)
        with silence("format", "the picture's description cannot be read"):
            _check(whole, view)
    except Refused as refused:
        yield from [Unreadable(code=refused.code, reason=refused.reason)] * len(samples)
        return
    for sample in samples:
        yield _answer(whole, sample.part)


def _answer(whole: Dataset, part: str) -> Image | Unreadable:
    try:
        with silence("damaged", "the pixels cannot be decoded"):
            return _frame(whole, int(part or "1") - 1)
    except Refused as refused:
        return Unreadable(code=refused.code, reason=refused.reason)


def _check(whole: Dataset, view: MedicalView) -> None:
    """Everything the header says, before a pixel is decoded.

    Raises:
        Refused: where the picture is of no kind that can be read, is larger than allowed, or not all there.
    """
    if "Rows" not in whole or "Columns" not in whole or "PixelData" not in whole:
        raise Refused("no-pixels", "the file holds no picture")
    syntax = str(whole.file_meta.TransferSyntaxUID)
    if syntax not in NATIVE and syntax != RLE:
        raise Refused("syntax", "the picture is compressed in a way that is not read yet: convert it to uncompressed")
    if str(whole.PhotometricInterpretation) not in GREY | COLOUR:
        raise Refused("format", "the picture's colours are of a kind that is not read")
    pixels, frames = int(whole.Rows) * int(whole.Columns), frames_of(whole)
    if pixels > view.max_megapixels * MEGA:
        raise Refused("bomb", f"a frame has more than {view.max_megapixels:g} megapixels: raise max_megapixels")
    if frames > view.max_frames:
        raise Refused("bomb", f"the file has more than {view.max_frames} frames: raise max_frames")
    if not pixels or int(whole.SamplesPerPixel) not in {1, 3} or int(whole.BitsAllocated) not in {1, 8, 16, 32}:
        raise Refused("format", "the picture's size, samples or bits are of a kind that is not read")
    bits = pixels * int(whole.SamplesPerPixel) * int(whole.BitsAllocated)
    if str(whole.PhotometricInterpretation) == "YBR_FULL_422":
        bits = bits * 2 // 3
    if syntax in NATIVE and len(whole.PixelData) < bits * frames // 8:
        raise Refused("truncated", "the file ends before its pixels do")


def frames_of(whole: Dataset) -> int:
    """The number of frames, 1 where the file says nothing."""
    return max(1, int(whole.get("NumberOfFrames") or 1))


def _frame(whole: Dataset, index: int) -> Image:
    if not 0 <= index < frames_of(whole):
        raise Refused("page", "the file has no such frame: frames are counted from 1")
    if str(whole.PhotometricInterpretation) in GREY:
        pixels: NDArray[Any] = grey(whole, _stored(whole, index), index)
    else:
        pixels = _colour(whole, index)
    return Image(pixels=pixels, spacing_mm=_spacing(whole, index))


def _stored(whole: Dataset, index: int) -> NDArray[Any]:
    """The stored values of one frame: (height, width) or (height, width, 3), colours converted to RGB."""
    import numpy as np
    from pydicom.pixels.utils import pixel_array

    if str(whole.file_meta.TransferSyntaxUID) == RLE:
        return np.asarray(pixel_array(_unpacked(whole, index)))
    return np.asarray(pixel_array(whole, index=index))


def _unpacked(whole: Dataset, index: int) -> Dataset:
    """A file of one frame, not compressed, with the description of ``whole``."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import get_frame
    from pydicom.uid import ExplicitVRLittleEndian

    one = Dataset()
    for keyword in (
        "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
        "PixelRepresentation",
    ):  # fmt: skip
        if keyword in whole:
            setattr(one, keyword, whole[keyword].value)
    bytes_each, pixels = int(whole.BitsAllocated) // 8, int(whole.Rows) * int(whole.Columns)
    coded = get_frame(whole.PixelData, index, number_of_frames=frames_of(whole))
    one.PixelData = decode_frame(coded, pixels, int(whole.SamplesPerPixel), bytes_each)
    one.PlanarConfiguration = 1
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return one


def grey(whole: Dataset, stored: NDArray[Any], index: int) -> NDArray[np.float32]:
    """Stored values to grey in [0, 1]: modality, window, polarity.

    Raises:
        Refused: where the values are not finite.
    """
    import numpy as np
    from pydicom.pixels.processing import apply_modality_lut

    padding = stored == whole.PixelPaddingValue if "PixelPaddingValue" in whole else np.zeros(stored.shape, np.bool_)
    transform = _group(whole, index, "PixelValueTransformationSequence") or whole
    if "ModalityLUTSequence" in whole:
        values = np.asarray(apply_modality_lut(stored, whole), np.float32)
    else:
        slope, intercept = float(transform.get("RescaleSlope", 1)), float(transform.get("RescaleIntercept", 0))
        values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
    values = windowed(values, _group(whole, index, "FrameVOILUTSequence") or whole, padding)
    if str(whole.PhotometricInterpretation) == "MONOCHROME1":
        values = np.float32(1) - values
    if not np.isfinite(values).all():
        raise Refused("damaged", "the pixels are not finite numbers")
    return values


def windowed(values: NDArray[np.float32], window: Dataset, padding: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Values to [0, 1] by the first window (PS3.3 C.11.2.1), else from the least to the greatest that is no padding."""
    import numpy as np

    width = _first(window, "WindowWidth")
    centre = _first(window, "WindowCenter")
    form = str(window.get("VOILUTFunction") or "LINEAR")
    if width is None or centre is None or not (width >= 1 if form == "LINEAR" else width > 0):
        inside = values[~padding] if not padding.all() else values
        low, high = float(inside.min()), float(inside.max())
        scaled = (values - np.float32(low)) / np.float32(max(high - low, 1e-12))
    elif form == "SIGMOID":
        scaled = 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -80, 80)))
    elif form == "LINEAR_EXACT":
        scaled = (values - np.float32(centre)) / np.float32(width) + np.float32(0.5)
    else:
        scaled = (values - np.float32(centre - 0.5)) / np.float32(max(width - 1, 1e-6)) + np.float32(0.5)
    return np.asarray(np.clip(scaled, 0, 1), np.float32)


def _first(window: Dataset, keyword: str) -> float | None:
    value = window.get(keyword)
    if value is None or value == "":
        return None
    return float(value if isinstance(value, int | float | str) else value[0])


def _group(whole: Dataset, index: int, keyword: str) -> Dataset | None:
    """One functional group of a frame of an enhanced multi-frame file: its own, else the shared one."""
    frames = whole.get("PerFrameFunctionalGroupsSequence") or ()
    groups = [*frames[index : index + 1], *(whole.get("SharedFunctionalGroupsSequence") or ())[:1]]
    return next((group[keyword][0] for group in groups if keyword in group and len(group[keyword].value)), None)


def _colour(whole: Dataset, index: int) -> NDArray[np.uint8]:
    import numpy as np
    from pydicom.pixels.processing import apply_color_lut

    values = _stored(whole, index)
    bits = int(whole.BitsStored)
    if str(whole.PhotometricInterpretation) == "PALETTE COLOR":
        values = np.asarray(apply_color_lut(values, whole))
        bits = values.dtype.itemsize * 8
    if bits > 8:  # noqa: PLR2004 - a byte
        values = values >> (bits - 8)
    return np.ascontiguousarray(np.clip(values, 0, 255).astype(np.uint8))


def _spacing(whole: Dataset, index: int) -> tuple[float, float] | None:
    measures = _group(whole, index, "PixelMeasuresSequence") or whole
    spacing = measures.get("PixelSpacing") or whole.get("ImagerPixelSpacing")
    if not spacing or len(spacing) != 2 or not all(0 < float(mm) < 1000 for mm in spacing):  # noqa: PLR2004
        return None
    return float(spacing[0]), float(spacing[1])
