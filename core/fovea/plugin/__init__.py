"""The door for plugin authors: all that a plugin may import of Fovea.

A first plugin is a function that reads a folder and a value that names it::

    from fovea.plugin import Domain, DomainInfo, Sample, TaskSpec, find_files, hookimpl


    def read_samples(root, view):
        for path in find_files(root):
            yield Sample(source=path, targets={"sort": path.split("/")[0]})


    @hookimpl
    def fovea_domains():
        info = DomainInfo(
            name="wheat",
            title="Wheat",
            intended_use="Sorts wheat photos.",
            limits="Not for grading.",
            tasks={"sort": TaskSpec(kind="classify")},
        )
        return [Domain(info=info, read_samples=read_samples)]

An entry point in the group ``fovea.plugins`` makes it known. Importing this door loads neither torch,
albumentations nor opencv.
"""

from fovea.plugin.areas import BACKGROUND, UNTOLD, Areas, paint_areas, trace_areas
from fovea.plugin.augment import Augment, albumentations
from fovea.plugin.blocks import (
    Block,
    Cell,
    Chart,
    Column,
    Figure,
    Figures,
    Gallery,
    Picture,
    PlaceMap,
    Point,
    Report,
    Series,
    Span,
    Table,
    Text,
    Timeline,
)
from fovea.plugin.decisions import (
    LEVELS,
    READ_AND_SIGN,
    Case,
    Decision,
    DecisionState,
    Evidence,
    Level,
    Review,
    Step,
    Workflow,
)
from fovea.plugin.defaults import (
    PerPicture,
    count_labels,
    gentle,
    load_pictures,
    most_frequent_label,
    nothing_fitted,
    nothing_measured,
    per_picture,
    unchanged,
)
from fovea.plugin.domain import (
    PARAMETERS,
    Action,
    Arrival,
    Domain,
    DomainInfo,
    Exporter,
    Param,
    Preprocess,
    Stream,
    TaskSpec,
    Units,
)
from fovea.plugin.exif import Exif, read_exif
from fovea.plugin.hooks import GROUP, fovea_domains, fovea_on_event, hookimpl, hookspec
from fovea.plugin.patterns import PICTURES, PathPattern, find_files
from fovea.plugin.settings import PolicySettings, ViewSettings, ZoneName
from fovea.plugin.site import Clip, Coverage, Quarantined, SiteView
from fovea.plugin.values import (
    Attribute,
    Box,
    Entry,
    Event,
    Fitted,
    Image,
    Kind,
    Mask,
    Measures,
    Pixels,
    Place,
    Prediction,
    Record,
    Region,
    Result,
    Sample,
    Target,
    Tick,
    Unreadable,
)

__all__ = [
    "BACKGROUND",
    "GROUP",
    "LEVELS",
    "PARAMETERS",
    "PICTURES",
    "READ_AND_SIGN",
    "UNTOLD",
    "Action",
    "Areas",
    "Arrival",
    "Attribute",
    "Augment",
    "Block",
    "Box",
    "Case",
    "Cell",
    "Chart",
    "Clip",
    "Column",
    "Coverage",
    "Decision",
    "DecisionState",
    "Domain",
    "DomainInfo",
    "Entry",
    "Event",
    "Evidence",
    "Exif",
    "Exporter",
    "Figure",
    "Figures",
    "Fitted",
    "Gallery",
    "Image",
    "Kind",
    "Level",
    "Mask",
    "Measures",
    "Param",
    "PathPattern",
    "PerPicture",
    "Picture",
    "Pixels",
    "Place",
    "PlaceMap",
    "Point",
    "PolicySettings",
    "Prediction",
    "Preprocess",
    "Quarantined",
    "Record",
    "Region",
    "Report",
    "Result",
    "Review",
    "Sample",
    "Series",
    "SiteView",
    "Span",
    "Step",
    "Stream",
    "Table",
    "Target",
    "TaskSpec",
    "Text",
    "Tick",
    "Timeline",
    "Units",
    "Unreadable",
    "ViewSettings",
    "Workflow",
    "ZoneName",
    "albumentations",
    "count_labels",
    "find_files",
    "fovea_domains",
    "fovea_on_event",
    "gentle",
    "hookimpl",
    "hookspec",
    "load_pictures",
    "most_frequent_label",
    "nothing_fitted",
    "nothing_measured",
    "paint_areas",
    "per_picture",
    "read_exif",
    "trace_areas",
    "unchanged",
]
