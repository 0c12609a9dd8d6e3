"""Fitting: a domain learns its own numbers from a site's results and reviews, and shows what they would change.

Nothing is trained here and no picture is looked at: :func:`fit` hands what is stored to the domain's ``fit``,
:func:`preview` decides on it with the numbers that hold and with the new ones, :func:`keep` stores a new version.
"""

from fovea.fitting.learning import fit, keep
from fovea.fitting.previewing import Change, Preview, preview

__all__ = ["Change", "Preview", "fit", "keep", "preview"]
