"""Fovea: a transfer-learning engine for people who own pictures of a site.

Two doors lead in: :mod:`fovea.plugin` for those who write a plugin, and :mod:`fovea.workbench` for those
who write an app. Nothing is imported here, so that ``fovea --help`` stays quick.
"""

__version__ = "0.1.0"
