"""Renders a plugin's :class:`~fovea.plugin.blocks.Report` to a page, JSON, CSV files and terminal text."""

from fovea.report.data import to_json
from fovea.report.page import to_html
from fovea.report.sheets import to_csv
from fovea.report.terminal import to_text
from fovea.report.widths import column_widths

__all__ = ["column_widths", "to_csv", "to_html", "to_json", "to_text"]
