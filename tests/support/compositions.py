"""Surrogates made of others, and one of all three kinds, for tests that trace them."""

from __future__ import annotations

from laws import COMPOSITIONS as CLASSES
from laws import LAWS, SHAPING
from surrogates import Arctan, Mixture, ReluGrad, Sigmoid, Spliced, Windowed

COMPOSITIONS = {
    f"{cls.__name__}{number or ''}": example
    for cls in (*CLASSES, *SHAPING)
    for number, example in enumerate(LAWS[cls.__name__].examples())
}
COMPOSITIONS["all"] = Windowed(
    Mixture((Spliced(Arctan(), ReluGrad()), Sigmoid(3.0)), (0.5, 0.25)), 1.5
)
