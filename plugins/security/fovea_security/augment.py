"""What may happen to a camera's frame in training: it hangs upright, day turns to night, and its lens is cheap."""

from __future__ import annotations

from fovea.plugin import Augment, albumentations

_REFLECT = 4  # cv2.BORDER_REFLECT_101, named here so that opencv is not loaded


def augmentations(role: str, size: int) -> Augment:  # noqa: ARG001 - the contract's names
    """Mirrored, but never turned over: people stand. Colours fade as they do at night."""
    return albumentations(
        [
            ("HorizontalFlip", {"p": 0.5}),
            (
                "Affine",
                {"scale": (0.9, 1.1), "translate_percent": 0.05, "rotate": (-4, 4), "border_mode": _REFLECT, "p": 0.5},
            ),
            (
                "ColorJitter",
                {
                    "brightness": (0.7, 1.3),
                    "contrast": (0.7, 1.3),
                    "saturation": (0.0, 1.2),
                    "hue": (0.0, 0.0),
                    "p": 0.7,
                },
            ),
            ("MotionBlur", {"blur_limit": (3, 5), "p": 0.1}),
            ("GaussNoise", {"std_range": (0.01, 0.05), "p": 0.2}),
            ("ImageCompression", {"quality_range": (40, 95), "p": 0.3}),
        ]
    )
