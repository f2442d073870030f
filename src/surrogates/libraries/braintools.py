"""braintools: the names of 18 surrogates, which are the same here, as classes and functions."""

from __future__ import annotations

from .. import definitions
from ._adapters import unchanged
from ._library import Library

LIBRARY = Library("braintools", "0.3.0", at_threshold=1.0, module="braintools.surrogate")
LIBRARY.takes("spk_fun")(unchanged)

_NAMES = (
    "ERF Arctan GaussianGrad InvSquareGrad LeakyRelu LogTailedRelu MultiGaussianGrad "
    "NonzeroSignLog PiecewiseExp PiecewiseLeakyRelu PiecewiseQuadratic QPseudoSpike ReluGrad "
    "S2NN Sigmoid SlayerGrad SoftSign SquarewaveFourierSeries"
)
for _name in _NAMES.split():
    _cls = definitions.SURROGATES[_name]
    LIBRARY.add(_name, _cls)
    LIBRARY.add(definitions.function_name(_cls), _cls)
