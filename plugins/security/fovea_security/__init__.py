"""Security cameras, the first part: labelled folders of frames, with privacy masks on every path.

The folder's README says what is read and what is not there yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from fovea.plugin import Domain, DomainInfo, TaskSpec, hookimpl
from fovea_security.augment import augmentations
from fovea_security.masking import prepare
from fovea_security.reading import ROLE, read_samples
from fovea_security.settings import SecurityPolicy, SecurityView


@hookimpl
def fovea_domains() -> Sequence[Domain]:
    """The security domain."""
    info = DomainInfo(
        name="security",
        title="Security cameras",
        intended_use="Sorts the frames of recorded clips by what happens in them, for an operator who knows the site.",
        limits="Works on folders of frames: it watches no live camera, opens no video file and learns no normality "
        "of a camera yet. Not for identifying people. Never the only ground for a measure against a person.",
        tasks={ROLE: TaskSpec(kind="classify")},
        view=SecurityView,
        policy=SecurityPolicy,
    )
    return [Domain(info=info, read_samples=read_samples, prepare=prepare, augmentations=augmentations)]
