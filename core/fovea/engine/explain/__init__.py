"""Where in a picture an answer comes from: maps that are shown only where they prove better than none."""

from fovea.engine.explain.asking import EXPLAINED, METHODS, Model, make_model, model_of
from fovea.engine.explain.checking import REACH, Checked, caution_of, check, count, points_at, try_maps
from fovea.engine.explain.explaining import explain, explain_with
from fovea.engine.explain.gate import Gate
from fovea.engine.explain.values import Explanation

__all__ = [
    "EXPLAINED",
    "METHODS",
    "REACH",
    "Checked",
    "Explanation",
    "Gate",
    "Model",
    "caution_of",
    "check",
    "count",
    "explain",
    "explain_with",
    "make_model",
    "model_of",
    "points_at",
    "try_maps",
]
