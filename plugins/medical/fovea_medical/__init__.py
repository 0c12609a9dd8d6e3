"""Medical studies, the first part: labelled folders of DICOM files, read without letting a name out.

The folder's README says what is read, how people are kept apart without being named, and what is not there yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from fovea.plugin import Domain, DomainInfo, TaskSpec, hookimpl
from fovea_medical.augment import augmentations
from fovea_medical.loading import load_images
from fovea_medical.reading import ROLE, read_samples
from fovea_medical.settings import MedicalPolicy, MedicalView


@hookimpl
def fovea_domains() -> Sequence[Domain]:
    """The medical domain."""
    info = DomainInfo(
        name="medical",
        title="Medical studies",
        intended_use="Research on sorting studies by finding, with a person who reads every study.",
        limits="Not a medical device, and not for diagnosis or treatment. What it says is a preliminary "
        "suggestion that a qualified reader must judge. It removes no name from a file, and does not see text that is "
        "burned into pixels.",
        tasks={ROLE: TaskSpec(kind="classify")},
        view=MedicalView,
        policy=MedicalPolicy,
    )
    return [Domain(info=info, read_samples=read_samples, load_images=load_images, augmentations=augmentations)]
