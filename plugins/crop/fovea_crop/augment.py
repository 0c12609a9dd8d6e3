"""What may happen to a leaf in training without becoming another leaf.

A leaf has no up and no left, so every turn and flip is valid. Its *colour* is what diseases are told by: brightness
and contrast change as they do between sun and shade, hue and saturation only as much as white balance drifts.
"""

from __future__ import annotations

from fovea.plugin import Augment, albumentations

_REFLECT = 4  # cv2.BORDER_REFLECT_101, named here so that opencv is not loaded


def augmentations(role: str, size: int) -> Augment:  # noqa: ARG001 - the contract's names
    """Strong enough to train a network from scratch on some hundred pictures; for squares of side ``size``."""
    return albumentations(
        [
            ("RandomResizedCrop", {"size": (size, size), "scale": (0.6, 1.0), "ratio": (0.8, 1.25), "p": 0.8}),
            ("D4", {"p": 1.0}),
            (
                "Affine",
                {
                    "scale": (0.9, 1.15),
                    "translate_percent": (-0.05, 0.05),
                    "rotate": (-30, 30),
                    "shear": (-8, 8),
                    "border_mode": _REFLECT,
                    "p": 0.5,
                },
            ),
            (
                "ColorJitter",
                {
                    "brightness": (0.75, 1.25),
                    "contrast": (0.8, 1.2),
                    "saturation": (0.85, 1.15),
                    "hue": (-0.015, 0.015),
                    "p": 0.8,
                },
            ),
            ("GaussianBlur", {"blur_limit": 0, "sigma_limit": (0.3, 1.2), "p": 0.15}),
            ("GaussNoise", {"std_range": (0.01, 0.04), "p": 0.2}),
            ("ImageCompression", {"quality_range": (60, 95), "p": 0.2}),
        ]
    )
