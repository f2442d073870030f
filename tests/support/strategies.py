"""What Hypothesis draws: membrane potentials, and surrogates."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.array_api import make_strategies_namespace

from kinds import Kind
from surrogates._parameters import ABOVE_ONE, COUNT, FINITE, NON_NEGATIVE, POSITIVE
from surrogates._parameters import parameters as declared_parameters

# A fixed list, of which JAX, which compiles anew for each shape and dtype, gets all in one dtype.
SHAPES = ((), (0,), (5,), (2, 3))
FEWER_SHAPES = ((), (5,))

xps = make_strategies_namespace(np)


def potentials(
    dtype: str, shape: tuple[int, ...] | None = None, kind: Kind = Kind.NUMPY
) -> st.SearchStrategy[np.ndarray]:
    """Draw arrays of membrane potentials minus threshold: any value except subnormal numbers.

    Those are excluded since JAX on CPU takes them for zero.
    """
    all_shapes = FEWER_SHAPES if (kind.library, dtype) == ("jax", "float64") else SHAPES
    shapes = st.sampled_from(all_shapes) if shape is None else st.just(shape)
    elements = {"allow_subnormal": False}
    near = {"min_value": -8, "max_value": 8, **elements}
    return st.one_of(
        xps.arrays(dtype, shapes, elements=near), xps.arrays(dtype, shapes, elements=elements)
    )


# Exact in float32, so that every dtype holds the same parameter.
_VALUES = {
    POSITIVE: st.floats(2.0**-7, 2.0**7, width=32),
    NON_NEGATIVE: st.floats(0, 8, width=32, allow_subnormal=False),
    FINITE: st.floats(-8, 8, width=32, allow_subnormal=False),
    ABOVE_ONE: st.floats(1.125, 16, width=32),
    COUNT: st.integers(1, 4),
}


def surrogates_of(cls: type) -> st.SearchStrategy[Any]:
    """Draw surrogates of class `cls`, the default among them."""
    values = {p.name: _VALUES[p.metadata["interval"]] for p in declared_parameters(cls)}
    default = cls(**{p.name: _in_float32(p.default) for p in declared_parameters(cls)})
    return st.one_of(st.just(default), st.builds(cls, **values))


def _in_float32(value: Any) -> Any:
    return float(np.float32(value)) if isinstance(value, float) else value
