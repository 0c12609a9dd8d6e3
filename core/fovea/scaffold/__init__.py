"""A plugin project to start from: what ``fovea new-plugin`` writes."""

from fovea.scaffold.naming import check_name
from fovea.scaffold.writing import NewPlugin, new_plugin

__all__ = ["NewPlugin", "check_name", "new_plugin"]
