"""Curves as a file that TensorBoard reads, written without its library.

The file is a row of records: length, its checksum, a message, its checksum (TFRecord). A message is a protocol buffer
``Event`` of which four fields are used: wall_time 1, step 2, file_version 3, summary 5 (of ``Value`` 1: tag 1,
simple_value 2). Checksums are CRC-32C, masked as the format asks for.
"""

from __future__ import annotations

import math
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_POLYNOMIAL = 0x82F63B78
_MASK = 0xA282EAD8
_NAME = "events.out.tfevents"


def write(folder: Path, curves: Sequence[Mapping[str, float]]) -> Path:
    """Bring the folder's file up to these curves; what stands in it already is only added to.

    Args:
        folder: made where absent; one file lies in it.
        curves: figures by name, one mapping an epoch; ``seconds`` tells how long each took.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = next(iter(sorted(folder.glob(f"{_NAME}.*.fovea"))), folder / f"{_NAME}.{int(time.time())}.fovea")
    whole = b"".join(_records(curves, began=int(path.name.split(".")[3])))
    there = path.read_bytes() if path.is_file() else b""
    if whole.startswith(there):
        with path.open("ab") as stream:
            stream.write(whole[len(there) :])
    else:
        path.write_bytes(whole)
    return path


def _records(curves: Sequence[Mapping[str, float]], began: int) -> Iterator[bytes]:
    yield _record(_double(1, began) + _text(3, b"brain.Event:2"))
    now = float(began)
    for epoch, figures in enumerate(curves, 1):
        now += figures.get("seconds", 0.0)
        values = b"".join(
            _text(1, _text(1, name.encode()) + _float(2, value))
            for name, value in figures.items()
            if math.isfinite(value)
        )
        yield _record(_double(1, now) + b"\x10" + _varint(epoch) + _text(5, values))


def _record(message: bytes) -> bytes:
    length = struct.pack("<Q", len(message))
    return length + struct.pack("<I", masked(length)) + message + struct.pack("<I", masked(message))


def masked(data: bytes) -> int:
    """The masked CRC-32C of some bytes.

    >>> hex((masked(b"123456789") - 0xA282EAD8) % 2**32)  # 0xe3069283 turned by 15 bits
    '0x2507c60d'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (_POLYNOMIAL if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _text(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _double(field: int, number: float) -> bytes:
    return bytes([field << 3 | 1]) + struct.pack("<d", number)


def _float(field: int, number: float) -> bytes:
    return bytes([field << 3 | 5]) + struct.pack("<f", number)
