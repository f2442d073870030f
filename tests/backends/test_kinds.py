"""What the tests know of a kind of array is what its backend says."""

import numpy as np
import pytest

from kinds import Kind, parameters, required
from surrogates import backends


@pytest.mark.parametrize("kind", parameters(Kind))
def test_a_kind_does_what_its_backend_does(kind):
    required(kind)
    array = kind.array(np.ones(2))
    backend = backends.of(array)
    assert kind.differentiates == backend.differentiates
    assert kind.takes_out == (backend.no_out is None)
    assert (kind.is_lazy or kind.on_gpu) == (backend.extremes(array) is None)


@pytest.mark.parametrize("kind", parameters(Kind))
def test_a_kind_that_changes_is_changed_by_an_assignment(kind):
    required(kind)
    array = kind.array(np.ones(2))
    if kind.is_mutable:
        array[...] = 0.0
        np.testing.assert_array_equal(kind.numpy(array), np.zeros(2))
    else:
        with pytest.raises((TypeError, ValueError)):
            array[...] = 0.0


@pytest.mark.parametrize("kind", parameters(Kind))
def test_a_kind_keeps_dtypes_and_values(kind):
    required(kind)
    values = np.asarray([[-1.5, 0.25, 3.0]])
    for dtype in ("float32", "float64"):
        array = kind.array(values.astype(dtype))
        assert dtype in str(array.dtype)
        found = kind.numpy(array)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found, values)
    for dtype in kind.dtypes:
        array = kind.astype(kind.array(values.astype(np.float32)), dtype)
        assert dtype in str(array.dtype)
        wide = kind.numpy(kind.astype(kind.broadcast(array, (2, 3)), "float32"))
        np.testing.assert_array_equal(wide, np.broadcast_to(values, (2, 3)))


def test_a_kind_is_found_by_the_name_of_its_library():
    assert Kind("torch") is Kind.TORCH
    with pytest.raises(ValueError, match="'keras' is not a valid Kind"):
        Kind("keras")
