"""The door for apps: one object that is made in ``main``, passed down and closed.

:class:`Workbench` returns frozen values and raises only :class:`fovea.errors.FoveaError`. torch is loaded by
:meth:`Workbench.train`, :meth:`Workbench.backbones` and what else trains, and by nothing that serves.
"""

from fovea.batch import BatchSummary
from fovea.delivery import Delivered
from fovea.engine.audits.check import DataCheck, DoublePicture
from fovea.engine.judging.compare import Compared
from fovea.engine.judging.newsite import NewSite
from fovea.engine.judging.resampling import Interval
from fovea.fitting import Change, Preview
from fovea.live import SourceStatus, WatchSummary
from fovea.plugin import Case
from fovea.progress import Progress, silent
from fovea.report import column_widths
from fovea.store.values import AuditHead, FaultRow, LineUp, Run, Site
from fovea.workbench.bench import Workbench
from fovea.workbench.config import Config, load_config
from fovea.workbench.craft import Doubts, RatesTried, RunsCompared
from fovea.workbench.explaining import Explained, Why
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
    "Compared",
    "Config",
    "DataCheck",
    "Delivered",
    "DemoResult",
    "DomainView",
    "DoublePicture",
    "Doubts",
    "EventView",
    "Explained",
    "Exported",
    "FaultRow",
    "FitView",
    "Interval",
    "Judged",
    "LineUp",
    "ModelView",
    "NewSite",
    "PluginList",
    "Preview",
    "Progress",
    "RatesTried",
    "ReportFiles",
    "Run",
    "RunsCompared",
    "SettingView",
    "Site",
    "SiteSummary",
    "SourceStatus",
    "TrainedView",
    "WatchSummary",
    "Why",
    "Workbench",
    "column_widths",
    "load_config",
    "plain",
    "silent",
]
