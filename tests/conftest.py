"""What every test needs before the first plugin loads."""

from __future__ import annotations

import os

# albumentations calls home when it is imported, unless it is told not to before.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
