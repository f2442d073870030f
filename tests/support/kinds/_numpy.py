"""What the tests know of NumPy."""

from ._facts import Facts


class Numpy(Facts):
    library = "numpy"
    takes_out = True
    views_backwards = True

    def array(self, values):
        return values.copy()


class ReadOnly(Numpy):
    is_mutable = False

    def array(self, values):
        values = values.copy()
        values.flags.writeable = False
        return values


KINDS = {"NUMPY": Numpy(), "NUMPY_READONLY": ReadOnly()}
