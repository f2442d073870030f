"""Surrogate gradients for spiking neural networks in PyTorch, JAX, NumPy, CuPy, Dask and MLX."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

__version__ = "0.1.0"  # first: by it the modules tell ours from another package of this name

from . import backends
from ._accuracy import Accuracy
from ._custom import Custom
from ._diagnose import Diagnosis, diagnose
from ._find import find
from ._find import missing as _missing
from ._fitted import fitted
from ._gain import gain
from ._modules import learnable, module, set_spiking_mode
from ._parameters import parameter
from ._plot import plot
from ._stable import stable_gain, stable_peak
from ._surrogate import Surrogate
from ._vjp import jvp, vjp
from ._wrappers.compressed import Compressed
from ._wrappers.mixture import Mixture
from ._wrappers.relaxed import Relaxed
from ._wrappers.scaled import Scaled, matched, rescaled
from ._wrappers.spikes import MultiSpike, Ternary, sample
from ._wrappers.spliced import Spliced
from ._wrappers.values import Graded, Smooth
from ._wrappers.windowed import Windowed
from .definitions import exponential as _exponential
from .definitions import fast_sigmoid as _fast_sigmoid
from .definitions import gaussian as _gaussian
from .definitions import logarithmic as _logarithmic
from .definitions import periodic as _periodic
from .definitions import piecewise as _piecewise
from .definitions import power_law as _power_law
from .definitions import rate as _rate
from .definitions import sigmoidal as _sigmoidal
from .definitions.exponential import *  # noqa: F403
from .definitions.fast_sigmoid import *  # noqa: F403
from .definitions.gaussian import *  # noqa: F403
from .definitions.logarithmic import *  # noqa: F403
from .definitions.periodic import *  # noqa: F403
from .definitions.piecewise import *  # noqa: F403
from .definitions.power_law import *  # noqa: F403
from .definitions.rate import *  # noqa: F403
from .definitions.sigmoidal import *  # noqa: F403
from .libraries import from_library, to_library
from .schedules import anneal

# In a form that type checkers follow.
__all__ = [
    "Accuracy",
    "Compressed",
    "Custom",
    "Diagnosis",
    "Graded",
    "Mixture",
    "MultiSpike",
    "Relaxed",
    "Scaled",
    "Smooth",
    "Spliced",
    "Surrogate",
    "Ternary",
    "Windowed",
    "anneal",
    "backends",
    "diagnose",
    "find",
    "fitted",
    "from_library",
    "gain",
    "jvp",
    "learnable",
    "matched",
    "module",
    "parameter",
    "plot",
    "rescaled",
    "sample",
    "set_spiking_mode",
    "stable_gain",
    "stable_peak",
    "to_library",
    "vjp",
]
__all__ += _exponential.__all__
__all__ += _fast_sigmoid.__all__
__all__ += _gaussian.__all__
__all__ += _logarithmic.__all__
__all__ += _periodic.__all__
__all__ += _piecewise.__all__
__all__ += _power_law.__all__
__all__ += _rate.__all__
__all__ += _sigmoidal.__all__

if not _TYPE_CHECKING:  # a type checker would take every name for one that exists

    def __getattr__(name: str) -> object:
        raise AttributeError(_missing(name))
