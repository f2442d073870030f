"""A surrogate of each kind of composition, and one of all three, for tests that trace them."""

from __future__ import annotations

from surrogates import Arctan, Mixture, ReluGrad, Sigmoid, Spliced, Windowed

COMPOSITIONS = {
    "Mixture": Mixture((Sigmoid(8.0), Arctan(2.0)), (0.75, 0.25)),
    "Spliced": Spliced(below=Sigmoid(4.0), above=ReluGrad(0.5, 2.0)),
    "Windowed": Windowed(Arctan(2.0), 0.75, normalise=True),
    "all": Windowed(Mixture((Spliced(Arctan(), ReluGrad()), Sigmoid(3.0)), (0.5, 0.25)), 1.5),
}
