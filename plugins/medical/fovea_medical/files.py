"""DICOM files from sources that nobody vouches for: limits first, then pydicom, and no value in any message.

pydicom puts values of elements into its exceptions, warnings and log lines. So its exceptions are never shown (only
which step failed is), and its warnings and log are silent while it works.
"""

from __future__ import annotations

import io
import logging
import os
import stat
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fovea_medical.settings import MedicalView

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.tag import BaseTag

MEGA = 1_000_000
HEAD = 8 * MEGA
"""Bytes read of a file whose pixels are not wanted."""
MAGIC_AT = 128
META = 2
"""Group of the elements that describe the file itself."""
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT = "1.2.840.10008.1.2.1"


class Refused(Exception):  # noqa: N818 - an answer on its way out, not an error
    """Ends the work on one file; never leaves this plugin.

    Args:
        code: one short word a program can count.
        reason: one sentence for a person, without a value from the file.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


def is_dicom(path: str) -> bool:
    """Whether a file begins as DICOM files do: 128 bytes of anything, then ``DICM``."""
    try:
        with _opened(path) as file:
            return file.read(MAGIC_AT + 4)[MAGIC_AT:] == b"DICM"
    except (OSError, Refused):
        return False


def read_header(root: Path, source: str, view: MedicalView) -> Dataset:
    """The elements before the pixels.

    Raises:
        Refused: where the file cannot be read as DICOM within the limits.
    """
    return _parse(_bytes(os.path.join(root, source), view, most=HEAD), view, pixels=False)


def read_whole(root: Path, source: str, view: MedicalView) -> Dataset:
    """All elements, pixels still encoded.

    Raises:
        Refused: where the file cannot be read as DICOM within the limits.
    """
    return _parse(_bytes(os.path.join(root, source), view), view, pixels=True)


@contextmanager
def _opened(path: str) -> Iterator[io.BufferedReader]:
    # A pipe without a writer would block the open, so the open does not wait.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Refused("no-file", "this is a folder or a device, not a file")
    with os.fdopen(handle, "rb") as file:
        yield file


def _bytes(path: str, view: MedicalView, most: int | None = None) -> bytes:
    limit = int(view.max_megabytes * MEGA)
    try:
        with _opened(path) as file:
            data = file.read(min(limit + 1, most) if most else limit + 1)
    except FileNotFoundError:
        raise Refused("missing", "the file is not there") from None
    except PermissionError:
        raise Refused("denied", "the file may not be read") from None
    except (OSError, ValueError):
        raise Refused("unreadable", "the file cannot be read: check the disk or the network drive") from None
    if not data:
        raise Refused("empty", "the file is empty")
    if len(data) > limit:
        raise Refused("too-large", f"the file is larger than {view.max_megabytes:g} MB: raise max_megabytes")
    return data


def _parse(data: bytes, view: MedicalView, *, pixels: bool) -> Dataset:
    if data[MAGIC_AT : MAGIC_AT + 4] != b"DICM":
        raise Refused("format", "this is no DICOM file with a preamble and file meta information")
    with silence("format", "the file's structure cannot be read as DICOM"):
        from pydicom import dcmread

        meta, at = _meta(data)
        if meta.TransferSyntaxUID == DEFLATED:
            data = _inflated(data, meta, at, int(view.max_inflated_megabytes * MEGA))
        return dcmread(io.BytesIO(data), stop_before_pixels=not pixels)


def _meta(data: bytes) -> tuple[FileMetaDataset, int]:
    """The file meta information, and where it ends."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    def is_past_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
        return tag.group != META

    file = io.BytesIO(data[: MAGIC_AT + 4 + 65536])
    file.seek(MAGIC_AT + 4)
    elements = read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=is_past_meta)
    return FileMetaDataset(elements), file.tell()


def _inflated(data: bytes, meta: FileMetaDataset, at: int, most: int) -> bytes:
    """The same file not deflated. pydicom inflates without a limit, even where only the header is wanted."""
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_file_meta_info
    from pydicom.uid import UID

    unfolded = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[at:], most + 1)
    if len(unfolded) > most:
        raise Refused("bomb", "the deflated file unfolds to more than max_inflated_megabytes")
    meta.TransferSyntaxUID = UID(EXPLICIT)
    head = DicomBytesIO()
    write_file_meta_info(head, meta, enforce_standard=False)
    return b"".join((b"\0" * MAGIC_AT, b"DICM", head.getvalue(), unfolded))


@contextmanager
def silence(code: str, reason: str) -> Iterator[None]:
    """Whatever fails inside becomes ``Refused(code, reason)``; no warning, log line or message of it gets out.

    Raises:
        Refused: always in place of the error that ended the block.
    """
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Refused:
        raise
    except MemoryError:
        raise Refused("memory", "there is not enough memory for the file") from None
    except Exception:  # noqa: BLE001 - pydicom raises nine kinds of exception on bad files, with values in them
        raise Refused(code, reason) from None
    finally:
        log.disabled = before
