"""The plugins: found one by one, each of their functions guarded, their listeners told."""

from fovea.registry.guard import blamed, guard, own_parts
from fovea.registry.loading import Broken, Loaded, Registry

__all__ = ["Broken", "Loaded", "Registry", "blamed", "guard", "own_parts"]
