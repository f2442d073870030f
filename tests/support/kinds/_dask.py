"""What the tests know of Dask."""

from ._facts import Facts


class Dask(Facts):
    library = "dask"
    is_lazy = True

    def array(self, values):
        import dask.array

        halves = tuple(max(1, -(-n // 2)) for n in values.shape)
        return dask.array.from_array(values, chunks=halves)

    def generator(self):
        import dask.array

        return dask.array.random.default_rng(1)

    def contract(self):
        import dask.array

        return {"asarray": dask.array.from_array, "dtypes": ["float32"]}  # others take as long


KINDS = {"DASK": Dask()}
