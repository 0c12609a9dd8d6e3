"""What may happen to a medical picture in training: a patient lies a little askew, an exposure is a little off.

Nothing is mirrored: the heart is on the left, and a side marker would read backwards.
"""

from __future__ import annotations

from fovea.plugin import Augment, albumentations


def augmentations(role: str, size: int) -> Augment:  # noqa: ARG001 - the contract's names
    """Small shifts, turns and scales on black ground, brightness and contrast; no flip of any kind."""
    return albumentations(
        [
            ("Affine", {"scale": (0.92, 1.08), "translate_percent": 0.04, "rotate": (-7, 7), "fill": 0, "p": 0.8}),
            ("RandomBrightnessContrast", {"brightness_limit": 0.12, "contrast_limit": 0.15, "p": 0.6}),
            ("RandomGamma", {"gamma_limit": (85, 118), "p": 0.3}),
            ("GaussNoise", {"std_range": (0.005, 0.02), "p": 0.2}),
        ]
    )
