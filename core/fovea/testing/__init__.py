"""The conformance kit: a plugin's author runs the whole contract on a few pictures, without a trained model.

>>> from fovea.testing import check_plugin
>>> # check_plugin(my_plugin, Path("pictures")).require()

In pytest the fixture ``fovea_conformance`` does the same; see :mod:`fovea.testing.pytest_plugin`.
"""

from fovea.testing.door import check_plugin
from fovea.testing.outcome import Conformance, Step

__all__ = ["Conformance", "Step", "check_plugin"]
