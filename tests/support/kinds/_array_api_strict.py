"""What the tests know of array-api-strict, on its second device."""

import numpy as np

from ._facts import Facts


class Strict(Facts):
    library = "array_api_strict"
    dtypes = ("float32", "float64")
    takes_out = True

    def array(self, values):
        """Return an array that becomes NumPy's by its method `get` alone, as CuPy's does.

        It meets no array of another device, either.
        """
        import array_api_strict

        array = array_api_strict.asarray(values, device=array_api_strict.Device("device1"))
        host = array_api_strict.Device("CPU_DEVICE")
        type(array).get = lambda array: np.asarray(array.to_device(host))
        return array

    def numpy(self, array):
        return array.get()

    def astype(self, array, dtype):
        import array_api_strict as xp

        return xp.astype(array, getattr(xp, dtype))


KINDS = {"STRICT": Strict()}
