"""Less memory between forward and backward."""

from __future__ import annotations

from dataclasses import field

from .wrapper import Wrapper

__all__ = ["Compressed"]


class Compressed(Wrapper):
    """A surrogate that stores one or two bytes per element for the backward pass.

    Back-propagation through time keeps `x` of every neuron and step: 4 bytes in float32 (in NumPy
    and CuPy the derivative there). This one keeps 2 or 1. The spikes are those of `surrogate`,
    exactly. The derivative is evaluated at ``r(x)``, `x` rounded to half precision, or is itself
    rounded to 255 levels, which for a `Ternary` reach to twice the peak::

        "float16", "bfloat16"    g'(r(x))
        "uint8"                  round(254 * g'(x) / peak) * peak / 254

    ==============  =====  ==================================  =========================
    residual        bytes  error of the derivative             second derivative
    ==============  =====  ==================================  =========================
    ``"float16"``   2      that of moving `x` by ``x / 2048``  rounded to float16
    ``"bfloat16"``  2      that of moving `x` by ``x / 256``   rounded to bfloat16
    ``"uint8"``     1      ``peak / 508``                      NotImplementedError
    ==============  =====  ==================================  =========================

    Near the threshold, where the derivative is large, `x` is small and so is its rounding: the
    relative error of weight gradients is far below that of the table (docs/howto/residuals.md). At
    a jump of the derivative, which `Boxcar` has, rounding may move `x` to the other side. "float16"
    ends at 65504; beyond, the derivative is that at 65520 ("bfloat16": 3.39e38); below 6e-5 it
    moves `x` by up to 3e-8. A second derivative passes through the dtype that was kept: in float16
    a large or tiny cotangent (of a scaled loss, of a mean) overflows or underflows, in bfloat16 it
    does not.

    The gradient of a parameter that is learned (`Relaxed`, `learnable`) is taken at ``r(x)``, too.
    8 bits of the derivative do not tell it, so that "uint8" keeps all of `x` for it, and saves
    nothing.

    PyTorch keeps less in reverse mode, eager and compiled, JAX in reverse mode, `lax.scan`
    included; the pullback of `surrogates.vjp` keeps less in every library. Forward mode keeps
    nothing anyway (PyTorch takes the exact derivative there).

    Parameters
    ----------
    surrogate : Surrogate
        What to differentiate by, of any shape and parameters.
    residual : {"float16", "bfloat16", "uint8"}, default "float16"
        The dtype of what is kept: `x`, or for "uint8" the derivative. NumPy and CuPy have no
        bfloat16.

    Raises
    ------
    TypeError
        If `surrogate` is not a Surrogate; in a call, if the library of `x` has no such dtype.
    ValueError
        If `residual` is something else; or if it is "uint8" and the derivative of `surrogate` is
        negative somewhere or has no finite peak.

    References
    ----------
    J. Chen et al., "ActNN: Reducing Training Memory Footprint via 2-Bit Activation Compressed
    Training", ICML 2021: activations kept for backward may be rounded far more coarsely than
    those that are computed with.

    Examples
    --------
    >>> import torch
    >>> from surrogates import Arctan, Compressed
    >>> surrogate = Compressed(Arctan(2.0), "float16")
    >>> x = torch.tensor([-0.3, 0.0, 0.7], requires_grad=True)
    >>> spikes = surrogate(x)
    >>> [saved.dtype for saved in spikes.grad_fn.saved_tensors]
    [torch.float16]
    >>> spikes.sum().backward()
    >>> x.grad, Arctan(2.0).surrogate_grad(x.detach())
    (tensor([0.5295, 1.0000, 0.1713]), tensor([0.5296, 1.0000, 0.1713]))
    """

    _aspect = "residual"
    traceable = True

    residual: str = field(default="float16", metadata={"choices": ("float16", "bfloat16", "uint8")})

    @property
    def _residual(self) -> str:
        return self.residual
