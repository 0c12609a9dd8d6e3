"""The conformance kit: a plugin's author runs the whole contract on a few pictures, without a trained model.

>>> from fovea.testing import check_plugin
>>> # check_plugin(my_plugin, Path("pictures")).require()
"""

from fovea.testing.kit import check_plugin
from fovea.testing.outcome import Conformance, Step

__all__ = ["Conformance", "Step", "check_plugin"]
