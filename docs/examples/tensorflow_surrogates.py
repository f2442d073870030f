"""Surrogate gradients for TensorFlow: a whole backend, as docs/howto/backends.md describes it."""

import types

import tensorflow as tf

from surrogates import backends


class Namespace(types.ModuleType):
    """TensorFlow's functions under the names that the array API standard has for them."""

    float16, bfloat16, float32, float64 = tf.float16, tf.bfloat16, tf.float32, tf.float64
    uint8 = tf.uint8
    isnan, isinf = staticmethod(tf.math.is_nan), staticmethod(tf.math.is_inf)
    isfinite = staticmethod(tf.math.is_finite)
    remainder = staticmethod(tf.math.floormod)
    finfo = staticmethod(tf.experimental.numpy.finfo)

    def __getattr__(self, name):
        return getattr(tf.math, name, None) or getattr(tf, name)

    @staticmethod
    def abs(x, /):
        return tf.where(x >= 0, x, -x) + 0  # tf.abs has slope 0 at 0; plus 0, for -0

    @staticmethod
    def asarray(x, *, dtype=None, copy=None):
        return tf.convert_to_tensor(x, dtype)

    @staticmethod
    def astype(x, dtype, /, *, copy=True):
        return tf.cast(x, dtype)

    @staticmethod
    def isdtype(dtype, kind):
        return {"real floating": dtype.is_floating, "complex floating": dtype.is_complex}[kind]

    @staticmethod
    def clip(x, /, min=None, max=None):
        x = x if min is None else tf.maximum(x, min)
        return x if max is None else tf.minimum(x, max)

    @staticmethod
    def where(condition, x, y, /):
        dtype = x.dtype if tf.is_tensor(x) else y.dtype  # tf.where takes a number for a float32
        return tf.where(condition, tf.convert_to_tensor(x, dtype), tf.convert_to_tensor(y, dtype))


NAMESPACE = Namespace("tensorflow_surrogates.namespace")


class TensorFlowBackend(backends.Backend):
    """Differentiates by `tf.GradientTape`, to any order, eager and within `tf.function`."""

    differentiates = True
    converts_numpy = True

    def namespace(self, x):
        return NAMESPACE

    def spike(self, definition, x, arrays):
        arrays = list(arrays)
        for index, message in definition.undifferentiated:
            arrays[index] = tf.raw_ops.PreventGradient(input=arrays[index], message=message)
        if not tf.executing_eagerly():  # tf.vectorized_map drops a custom gradient in silence
            return self.arithmetic(definition, x, tuple(arrays))

        @tf.custom_gradient
        def spike(x, *arrays):
            def pullback(cotangent):
                gradient = cotangent * definition.combine(arrays).surrogate_grad(x)
                return (gradient, *map(tf.zeros_like, arrays)) if arrays else gradient

            return definition.combine(arrays).emit(x), pullback

        return spike(x, *arrays)

    def constant(self, x):
        return tf.stop_gradient(x)

    def nondifferentiable(self, function, *arrays):
        @tf.custom_gradient
        def same(*arrays):
            def refuse(cotangent):
                raise NotImplementedError("what is kept in 8 bits has no derivative; keep float16")

            return function(*arrays), refuse

        return same(*arrays)

    def copy(self, x):
        return x  # which does not change

    def derivative(self, function, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    def uniform(self, generator, x):
        # in half precision 0 would be drawn too often, and with it a spike
        dtype = tf.float64 if x.dtype == tf.float64 else tf.float32
        return generator.uniform(tf.shape(x), dtype=dtype)


BACKEND = TensorFlowBackend()
