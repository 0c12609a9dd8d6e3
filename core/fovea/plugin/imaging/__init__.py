"""Photos from files that nobody vouches for: :func:`load_pictures`, and the parts that other plugins may use.

A file is read once as bytes. Its format is told by content (JPEG, PNG, TIFF, WebP, BMP and nothing else), its
header is read by our own code, its limits are checked, and only then does a decoder see it. What cannot be
decoded becomes an :class:`~fovea.plugin.Unreadable` with one of :data:`CODES`; no bad file raises.

Not defended: a decoder's own flaw. libjpeg-turbo, libpng, libtiff and libwebp run in the caller's process, TIFF
being the riskiest; a crash of one takes the worker with it, and the batch quarantines the file that did it.
A TIFF may need three times its pixels' memory while it is decoded.

libtiff may write a line to standard error where a strip is damaged. While a file is decoded, opencv's log level and
Python's warning filters are set and put back, which is meant for processes of one thread, as workers are.

Importing this loads neither numpy nor opencv; decoding does.
"""

from fovea.plugin.imaging.faults import CODES, Refused, unreadable
from fovea.plugin.imaging.files import FilePages, load_pictures, open_pages, read_limited

__all__ = ["CODES", "FilePages", "Refused", "load_pictures", "open_pages", "read_limited", "unreadable"]
