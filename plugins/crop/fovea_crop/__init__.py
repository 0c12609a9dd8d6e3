"""Crop disease from leaf and field photos: what the pictures of a farm's fields show, visit by visit.

The folder's README says what is read, what is concluded, and what this must not be used for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fovea.plugin import Action, Domain, DomainInfo, Exporter, Param, TaskSpec, hookimpl, per_picture
from fovea_crop import geojson, table
from fovea_crop.augment import augmentations
from fovea_crop.deciding import decide
from fovea_crop.judging import ROLE
from fovea_crop.measuring import measure_one
from fovea_crop.places import report_places
from fovea_crop.reading import read_samples
from fovea_crop.reporting import report
from fovea_crop.settings import CropPolicy, CropView


@hookimpl
def fovea_domains() -> Sequence[Domain]:
    """The crop domain."""
    return [
        Domain(
            info=_info(),
            read_samples=read_samples,
            augmentations=augmentations,
            measure=per_picture(measure_one),
            decide=decide,
            report=report,
            exports=_exports(),
            actions={
                "places": Action(
                    help="Show how a folder is read: fields, plants, dates, cameras, places. No model is needed.",
                    run=report_places,
                    params=(Param(name="folder", help="the folder of pictures", kind="path", required=True),),
                    example={"folder": "{folder}"},
                )
            },
        )
    ]


def _info() -> DomainInfo:
    return DomainInfo(
        name="crop",
        title="Crop disease",
        intended_use="Tells an agronomist which fields, visits and pictures to look at first, from photos of leaves.",
        limits="Not a diagnosis and no advice on treatment. A share counts pictures, not plants; it holds for the "
        "crops, diseases, cameras and fields that the model was trained on, and a new farm must be checked first.",
        tasks={ROLE: TaskSpec(kind="classify")},
        view=CropView,
        policy=CropPolicy,
    )


def _exports() -> Mapping[str, Exporter]:
    return {
        "geojson": Exporter(
            title="Fields and findings as GeoJSON (RFC 7946)",
            suffix=".geojson",
            write=geojson.write,
            check=geojson.check,
        ),
        "csv": Exporter(title="One line a picture", suffix=".csv", write=table.write, check=table.check),
    }
