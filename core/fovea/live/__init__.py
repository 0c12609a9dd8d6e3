"""Live: streams of frames and of files, each in a child of its own that may die without anybody else noticing.

A stream of *frames* goes the whole way in its child: open, prepare, measure, score, decide, and what came of it is
written in one transaction. A stream of *files* ends in the site's inbox: a file is acknowledged once it is safely
on disk, and the batch path takes over when its unit has fallen quiet. The :class:`Supervisor` starts the children,
hears them, and starts them anew when they die, hang, or bring nothing.
"""

from fovea.live.chores import Chore
from fovea.live.sources import Source, sources_of
from fovea.live.supervise import Orders, Supervisor, WatchSummary
from fovea.live.tended import SourceStatus

__all__ = ["Chore", "Orders", "Source", "SourceStatus", "Supervisor", "WatchSummary", "sources_of"]
