"""The fixed set of reasons why a picture cannot be had, and the sentence for each."""

from __future__ import annotations

from collections.abc import Mapping

from fovea.plugin.values import Unreadable

CODES: Mapping[str, str] = {
    "outside": "the file lies outside the site's folder: name it by a path below that folder",
    "missing": "the file is not there: put it back, or take it off the list",
    "denied": "the file may not be read: give the user of this program permission to read it",
    "no-file": "this is a folder or a device, not a file: move it away, or give it a name without a picture's suffix",
    "unreadable": "the file cannot be read: check the disk or the network drive that it lies on",
    "empty": "the file is empty: copy it again from where it came from, or delete it",
    "too-large": "the file is larger than allowed: raise max_megabytes, or store it smaller",
    "format": "this is no JPEG, PNG, TIFF, WebP or BMP picture of a kind that can be read: convert it to one",
    "truncated": "the file ends before its picture does: copy it again from where it came from",
    "damaged": "the picture is damaged and cannot be decoded: copy it again from where it came from",
    "bomb": "the picture is larger than allowed: raise max_megapixels, or store it smaller",
    "page": "the file has no such page: name a page that it has, counted from 1",
    "memory": "there is not enough memory to decode the picture: use fewer workers, or store it smaller",
}
"""Every code that :func:`fovea.plugin.imaging.load_pictures` answers with, and what is said where there is no more
to say. A reason holds no path and no name of a person."""


class Refused(Exception):  # noqa: N818 - an answer on its way out, not an error
    """Ends the work on one file; it never leaves this package's public functions.

    Args:
        code: one of :data:`CODES`.
        reason: a sentence that says more than the one in :data:`CODES`.
    """

    def __init__(self, code: str, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason or CODES[code]


def unreadable(code: str, reason: str = "") -> Unreadable:
    """The answer for a picture that cannot be had, with the standing sentence where no other is given.

    Raises:
        KeyError: where ``code`` is not one of :data:`CODES`.
    """
    return Unreadable(code=code, reason=reason or CODES[code])
