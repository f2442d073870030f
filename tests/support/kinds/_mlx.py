"""What the tests know of MLX."""

import numpy as np

from ._facts import Facts


class Mlx(Facts):
    library = "mlx"
    is_lazy = True
    dtypes = ("float16", "bfloat16", "float32")
    is_precise = False  # its float64 is single precision within `exp` and others
    on_devices = False
    differentiates = True

    def array(self, values):
        import mlx.core as mx

        mx.set_default_device(mx.cpu)  # of which alone it computes float64
        is_double = values.dtype == np.float64
        return mx.array(values, dtype=mx.float64) if is_double else mx.array(values)

    def astype(self, array, dtype):
        import mlx.core as mx

        return array.astype(getattr(mx, dtype))

    def broadcast(self, array, shape):
        import mlx.core as mx

        return mx.broadcast_to(array, shape)

    def generator(self):
        import mlx.core as mx

        return mx.random.key(1)

    def contract(self):
        import mlx.core as mx

        return {
            "grad": lambda f: mx.grad(lambda x: f(x).sum()),
            "jvp": lambda f, x, tangent: mx.jvp(f, [x], [tangent])[1][0],
            "vmap": mx.vmap,
            "dtypes": ["float16", "float32", "float64"],
            "as_exact_as": {"float64": "float32"},
        }


KINDS = {"MLX": Mlx()}
