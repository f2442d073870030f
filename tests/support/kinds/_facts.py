"""What the tests have to know of a kind of array."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


class Facts:
    """What the tests know of a kind of array: a class of each library says what differs."""

    library: str
    """The package that must be installed; its arrays' backend is registered under that name."""

    on_gpu = False

    on_devices = True
    """Whether an array is on a device, and not the operation alone."""

    dtypes: tuple[str, ...] = ("float16", "float32", "float64")
    """Those that tests draw from: the fuzzer, the contract, and the tests of half precision."""

    is_precise = True
    """Whether it computes every function of float64 in double precision."""

    is_mutable = True
    """Whether ``array[...] = values`` changes an array, or the graph of a lazy one."""

    # These three are held against the backend, in tests/backends/test_kinds.py.
    differentiates = False
    is_lazy = False
    """Whether values are not looked at, so that the range of a parameter is not checked."""

    takes_out = False
    """Whether a pullback writes to the array that it is given as `out`."""

    views_backwards = False
    """Whether ``array[::-1]`` is a view, with a negative stride."""

    def no_device(self) -> str | None:
        """Return why the arrays cannot be made here although the library is installed, or None."""
        return None

    def array(self, values: np.ndarray) -> Array:
        """Return a NumPy array as one of this kind, with its dtype and shape."""
        raise NotImplementedError

    def numpy(self, array: Array) -> np.ndarray:
        """Return an array of this kind as one of NumPy."""
        return np.asarray(array)

    def astype(self, array: Array, dtype: str) -> Array:
        """Return an array in another dtype, which NumPy may not have."""
        return array.astype(dtype)

    def broadcast(self, array: Array, shape: tuple[int, ...]) -> Array:
        """Return an array in another shape, as a view if the library has such."""
        from array_api_compat import array_namespace

        return array_namespace(array).broadcast_to(array, shape)

    def generator(self) -> Any:
        """Return a generator of random numbers, as `surrogates.sample` takes."""
        return np.random.default_rng(1)

    def contract(self) -> dict[str, Any]:
        """Return what `check_backend` is told besides: `grad` and others, and what to leave out."""
        return {}

    def grad(self, function: Any) -> Any:
        """Return the gradient of ``sum(function(x))`` as a function, which has a gradient again."""
        return self.contract()["grad"](function)

    def gradient(self, function: Any, x: Array) -> Array:
        """Return the gradient of ``sum(function(x))``, as users take it who ask for no second."""
        return self.grad(function)(x)
