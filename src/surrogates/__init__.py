"""Surrogate gradients for spiking neural networks, in every array framework."""

from . import backends
from ._surrogate import Surrogate
from ._vjp import jvp, vjp
from .definitions import exponential, gaussian, piecewise, power_law
from .definitions.exponential import *  # noqa: F403
from .definitions.gaussian import *  # noqa: F403
from .definitions.piecewise import *  # noqa: F403
from .definitions.power_law import *  # noqa: F403

__version__ = "0.1.0"

# In a form that type checkers follow.
__all__ = ["Surrogate", "backends", "jvp", "vjp"]
__all__ += exponential.__all__
__all__ += gaussian.__all__
__all__ += piecewise.__all__
__all__ += power_law.__all__
