"""What the tests know of CuPy."""

from ._facts import Facts


class Cupy(Facts):
    library = "cupy"
    on_gpu = True
    takes_out = True

    def no_device(self):
        import cupy

        return None if cupy.is_available() else "CuPy finds no CUDA device"

    def array(self, values):
        import cupy

        return cupy.asarray(values)

    def numpy(self, array):
        return array.get()

    def generator(self):
        import cupy

        return cupy.random.default_rng(1)


KINDS = {"CUPY": Cupy()}
