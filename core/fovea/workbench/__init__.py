"""The door for apps: one object that is made in ``main``, passed down and closed.

:class:`Workbench` returns frozen values and raises only :class:`fovea.errors.FoveaError`. torch is loaded by
:meth:`Workbench.train` and :meth:`Workbench.backbones`, and by nothing else.
"""

from fovea.batch import BatchSummary
from fovea.delivery import Delivered
from fovea.fitting import Change, Preview
from fovea.live import SourceStatus, WatchSummary
from fovea.plugin import Case
from fovea.progress import Progress, silent
from fovea.report import column_widths
from fovea.store.values import AuditHead, FaultRow, LineUp, Run, Site
from fovea.workbench.bench import Workbench
from fovea.workbench.config import Config, load_config
from fovea.workbench.jsonable import plain
from fovea.workbench.views import (
    ActionResult,
    ActionView,
    Answer,
    DemoResult,
    DomainView,
    EventView,
    Exported,
    FitView,
    Judged,
    ModelView,
    PluginList,
    ReportFiles,
    SettingView,
    SiteSummary,
    TrainedView,
)

__all__ = [
    "ActionResult",
    "ActionView",
    "Answer",
    "AuditHead",
    "BatchSummary",
    "Case",
    "Change",
    "Config",
    "Delivered",
    "DemoResult",
    "DomainView",
    "EventView",
    "Exported",
    "FaultRow",
    "FitView",
    "Judged",
    "LineUp",
    "ModelView",
    "PluginList",
    "Preview",
    "Progress",
    "ReportFiles",
    "Run",
    "SettingView",
    "Site",
    "SiteSummary",
    "SourceStatus",
    "TrainedView",
    "WatchSummary",
    "Workbench",
    "column_widths",
    "load_config",
    "plain",
    "silent",
]
