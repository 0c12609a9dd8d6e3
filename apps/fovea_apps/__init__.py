"""Thin callers of the workbench."""
