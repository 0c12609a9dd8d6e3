"""Renders a plugin's :class:`~fovea.plugin.blocks.Report` to a page, JSON, CSV files and terminal text."""

from fovea.report.data import to_json
from fovea.report.page import to_html
from fovea.report.sheets import to_csv
from fovea.report.terminal import to_text

__all__ = ["to_csv", "to_html", "to_json", "to_text"]
