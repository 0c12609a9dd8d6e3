"""DICOM's run-length coding (PS3.5 annex G), decoded within the size that the header states.

pydicom's own decoder follows a frame's runs wherever they lead: at 64 bytes for one, a file of 100 MB unfolds to
6 GB before its length is compared with anything.
"""

from __future__ import annotations

from struct import unpack

HEADER = 64


def decode_frame(coded: bytes, pixels: int, samples: int, bytes_each: int) -> bytes:
    """One frame, plane after plane, each value little-endian.

    Args:
        coded: the frame as stored, with its header of 16 numbers.
        pixels: rows times columns.
        samples: values a pixel (1 or 3).
        bytes_each: bytes a value.

    Raises:
        ValueError: where the planes are not as many or not as long as stated.
    """
    numbers = unpack("<16L", coded[:HEADER].ljust(HEADER, b"\0"))
    count = numbers[0]
    if count != samples * bytes_each:
        raise ValueError("the frame has not the planes that its header states")
    ends = [*numbers[2 : count + 1], len(coded)]
    decoded = bytearray(pixels * count)
    for plane, (start, end) in enumerate(zip(numbers[1 : count + 1], ends, strict=True)):
        sample, byte = divmod(plane, bytes_each)  # the most significant byte comes first
        first = sample * pixels * bytes_each + bytes_each - 1 - byte
        decoded[first : (sample + 1) * pixels * bytes_each : bytes_each] = unpack_bits(coded[start:end], pixels)
    return bytes(decoded)


def unpack_bits(coded: bytes, length: int) -> bytes:
    r"""Exactly ``length`` bytes of a PackBits stream; what follows is padding.

    >>> unpack_bits(b"\x02abc\xfez", 6)
    b'abczzz'

    Raises:
        ValueError: where the stream ends too early.
    """
    out, at, end = bytearray(), 0, len(coded)
    while len(out) < length and at + 1 < end:
        code = coded[at]
        if code < 128:  # noqa: PLR2004 - the next code + 1 bytes as they are
            out += coded[at + 1 : at + 2 + code]
            at += 2 + code
        elif code > 128:  # noqa: PLR2004 - the next byte 257 - code times
            out += coded[at + 1 : at + 2] * (257 - code)
            at += 2
        else:
            at += 1
    if len(out) < length:
        raise ValueError("the plane ends before its picture does")
    return bytes(out[:length])
