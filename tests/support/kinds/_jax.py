"""What the tests know of JAX."""

from ._facts import Facts


class Jax(Facts):
    library = "jax"
    dtypes = ("float16", "bfloat16", "float32", "float64")
    differentiates = True
    is_mutable = False

    def __init__(self, device):
        self.device = device
        self.on_gpu = device == "gpu"

    def no_device(self):
        import jax

        if self.on_gpu and jax.default_backend() != "gpu":
            return "JAX finds no CUDA device"
        return None

    def array(self, values):
        import jax

        return jax.device_put(values, jax.devices(self.device)[0])

    def broadcast(self, array, shape):
        import jax

        return jax.numpy.broadcast_to(array, shape)

    def generator(self):
        import jax

        return jax.random.key(1)

    def contract(self):
        import jax

        return {
            "grad": lambda f: jax.grad(lambda x: f(x).sum()),
            "jvp": lambda f, x, tangent: jax.jvp(f, (x,), (tangent,))[1],
            "vmap": jax.vmap,
            "compile": jax.jit,
        }


KINDS = {"JAX": Jax("cpu"), "JAX_CUDA": Jax("gpu")}
