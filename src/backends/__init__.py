"""The backends: one small adapter for each array library, and the way to find it.

What holds for all of them:

* A library may be absent, heavy or broken, so an adapter, and with it the library, is imported
  only when an array of that library turns up.
* An array selects its backend by its type: one look-up in a dictionary that is filled at first
  sight from the top-level modules of the type's bases.
* `register` adds the built-in adapters and those of other packages alike. Other packages announce
  theirs in the entry-point group ``surrogates.backends``.
* No array falls back on a backend that was not meant for it: a silent fallback would mean
  gradients that are silently zero.
"""

from __future__ import annotations

if __name__ == "backends":  # an editable install puts src, which this folder is in, on the path
    raise ImportError("no package named 'backends' is installed: this is surrogates.backends")

import contextlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ._backend import COMPUTED_LATER, Backend, Definition

__all__ = ["COMPUTED_LATER", "Backend", "Definition", "of", "register", "supported", "unsupported"]

_parent = sys.modules[__name__.rpartition(".")[0]]
if not hasattr(_parent, "__version__"):  # as with pip's package `surrogates`, or none left
    raise ImportError(
        "surrogate-gradients is there, but `import surrogates` is another package, from "
        f"{getattr(_parent, '__file__', None)}: uninstall both, then install surrogate-gradients"
    )

_GROUP = "surrogates.backends"
_BUILT_IN: dict[str, Callable[[], Backend]] = {}  # how to load each: see the end of this file
_HOME = {"jaxlib": "jax"}  # where a library's array class lives in another package

_by_library: dict[str, Backend] = {}
_by_type: dict[type, Backend] = {}
_classes: list[type] = []  # of surrogates, which the backends know
_new: list[type] = []  # which they do not know yet
# Kept, since Dynamo cannot look through sys.modules while a compilation imports modules.
_pytorch: Any = sys.modules.get("torch")
_tensor: Any = None  # PyTorch's class, once its backend is loaded
_for_tensors: Any = None
_for_flax: Any = None  # once it is imported


def register(library: str, backend: Backend) -> None:
    """Make `backend` the one for the arrays of `library`.

    Parameters
    ----------
    library : str
        Top-level module of the library's array class: ``"torch"`` for `torch.Tensor`.
    backend : Backend
        An instance, shared by all calls.

    Raises
    ------
    TypeError
        If `library` is not the name of a top-level module, or `backend` not an instance of
        `Backend`.

    Examples
    --------
    >>> from surrogates import backends
    >>> backends.register("mylibrary", backends.Backend())
    """
    if not isinstance(library, str) or not library.isidentifier():  # no array would find it
        raise TypeError(
            "the library must be the name of the top-level module of its array class, such as "
            f"'torch', got {library!r}"
        )
    if not isinstance(backend, Backend):
        raise TypeError(
            f"the backend for {library!r} must be an instance of surrogates.backends.Backend, "
            f"got {backend!r}"
        )
    global _by_type, _for_tensors, _tensor
    _by_library[library] = backend
    _by_type = {}  # a new one: another thread may be reading the old one, or filling it
    pytorch = _pytorch or sys.modules.get("torch")
    if library == "torch" and pytorch is not None:
        _for_tensors, _tensor = backend, pytorch.Tensor
    for cls in _classes:
        backend.register_class(cls)
    load_imported()


def register_class(cls: type) -> None:
    """Queue a new class of surrogates for registration with the backends."""
    _new.append(cls)


def load_imported() -> None:
    """Load the backends of JAX and PyTorch if these are imported; register new classes with all.

    JAX's, since surrogates must be pytrees then, and PyTorch's, so that Dynamo finds it loaded.
    Flax is told as well, since it serializes models that hold surrogates. Called when a surrogate
    is made, not when its class is: the author may register the class otherwise before.
    """
    global _for_flax, _pytorch
    pytorch = _pytorch or sys.modules.get("torch")
    if _is_compiling(pytorch):
        return
    # Dynamo may run this as it traces the first call, and guards that nothing is known meanwhile
    if "torch" not in _by_library and _is_any_thread_compiling(pytorch):
        return
    _pytorch = pytorch
    for library in ("jax", "torch"):
        if library not in _by_library and library in sys.modules:
            # broken, old, or not completely imported yet: a call with its array raises the error
            with contextlib.suppress(ImportError):
                _of_library(library)
    if _for_flax is None and "flax.serialization" in sys.modules:
        with contextlib.suppress(Exception):  # not completely imported: see the next surrogate
            from . import _flax as flax

            _for_flax = flax
            for cls in _classes:
                _for_flax.register_class(cls)
    while _new:
        try:
            cls = _new.pop()
        except IndexError:  # another thread took it
            break
        _classes.append(cls)
        for backend in _by_library.copy().values():  # another thread may register
            backend.register_class(cls)
        if _for_flax is not None:
            _for_flax.register_class(cls)


def _is_compiling(pytorch: Any = None) -> bool:
    # missing while PyTorch is being imported
    compiler = getattr(pytorch or _pytorch, "compiler", None)
    return compiler is not None and compiler.is_dynamo_compiling()


def _is_any_thread_compiling(pytorch: Any) -> bool:
    compiler = getattr(pytorch, "compiler", None)
    return compiler is not None and compiler.is_compiling()


class _Portable(Backend):
    """For arrays of a library without a backend, which only evaluates formulas."""

    def spike(self, definition: Definition, x: Any, arrays: tuple[Any, ...]) -> Any:
        raise TypeError(unsupported(type(x)))


_PORTABLE = _Portable()


def of(x: Any) -> Backend:
    """Return the backend for the array `x`.

    An array of any other library that conforms to the array API standard gets one that evaluates
    formulas and refuses to emit spikes: it does not know how to differentiate them.

    Raises
    ------
    TypeError
        If `x` is not such an array.

    Examples
    --------
    >>> import numpy as np
    >>> from surrogates import backends
    >>> backends.of(np.zeros(3))
    NumpyBackend()
    """
    array_type = type(x)
    if array_type is _tensor:  # Dynamo guards two names; of a dictionary it would guard the keys
        return _for_tensors  # type: ignore[no-any-return]
    # Dynamo traces no call of NumPy's arrays, and to ask it takes longer than the rest
    if _pytorch is not None and array_type is not np.ndarray and _is_compiling():
        return _at_first_sight(array_type)
    known = _by_type
    if array_type in known:
        return known[array_type]
    backend = known[array_type] = _at_first_sight(array_type)
    return backend


def of_tensor(x: Any) -> Backend | None:
    """Return PyTorch's backend for one of its own floating-point tensors, else None.

    As `of` does, by few names: a function that is compiled guards each name that it reads.
    """
    # __class__, since `type` would be two names more
    if x.__class__ is _tensor and x.dtype.is_floating_point and x.dtype.itemsize > 1:
        return _for_tensors  # type: ignore[no-any-return]
    return None


def traced_zero() -> tuple[Any, Any] | None:
    """Return PyTorch's namespace and a 0 where Dynamo traces, which traces no NumPy, else None."""
    if not _is_compiling():
        return None
    zero = _pytorch.zeros((), dtype=_pytorch.float64)
    return of(zero).namespace(zero), zero


def supported() -> tuple[str, ...]:
    """Return the names of the array libraries that have a backend, loading none of them.

    Examples
    --------
    >>> from surrogates import backends
    >>> "torch" in backends.supported()
    True
    """
    plugged_in = {entry.name for entry in _entry_points()}
    return tuple(sorted({*_BUILT_IN, *_by_library, *plugged_in}))


def unsupported(array_type: type) -> str:
    """Return what to tell a user whose arrays have no backend."""
    name = f"{array_type.__module__}.{array_type.__qualname__}"
    if array_type.__module__ == "builtins":
        return (
            f"expected a floating-point array or a Python float, got {array_type.__qualname__}; "
            "convert it first, for instance with numpy.asarray(x, dtype=float)"
        )
    return (
        f"no backend differentiates arrays of type {name}; supported are those of "
        f"{', '.join(supported())}. To add a library, derive a class from "
        "surrogates.backends.Backend and register an instance under the top-level module of the "
        "array type, by surrogates.backends.register or by an entry point of the group "
        f"{_GROUP!r} (docs/howto/backends.md)"
    )


def _at_first_sight(array_type: type) -> Backend:
    # Dynamo can read neither the module nor the bases of Parameter itself.
    if _is_compiling() and array_type is _pytorch.nn.Parameter:
        array_type = _pytorch.Tensor
    libraries = [library_of(base) for base in array_type.__mro__]
    for name in libraries:
        backend = _of_library(name)
        if backend is not None:
            return backend
    for entry in _entry_points():
        if entry.name in libraries:
            try:
                backend = entry.load()
            except Exception as error:
                raise _cannot_load(entry.name, error) from error
            register(entry.name, backend)
            return _by_library[entry.name]
    if hasattr(array_type, "__array_namespace__"):
        return _PORTABLE
    raise TypeError(unsupported(array_type))


def _entry_points() -> Any:
    from importlib.metadata import entry_points  # a quarter of the time of our import

    return entry_points(group=_GROUP)


def library_of(array_type: type) -> str:
    """Return the name of the library that a type of arrays belongs to."""
    name = array_type.__module__.partition(".")[0]
    return _HOME.get(name, name)


def _of_library(library: str) -> Backend | None:
    if library not in _by_library and library in _BUILT_IN:
        try:
            backend = _BUILT_IN[library]()
        except Exception as error:  # a framework's import may raise anything
            raise _cannot_load(library, error) from error
        register(library, backend)
    return _by_library.get(library)


def _cannot_load(library: str, error: Exception) -> ImportError:
    return ImportError(
        f"the backend for arrays of {library} cannot be loaded, since an import raised "
        f"{type(error).__name__}: {error}; see above for where, and check that {library} is "
        "installed completely and recent enough (pyproject.toml states the oldest versions)",
        name=library,
    )


def _built_in(*libraries: str) -> Callable[[Callable[[], Backend]], Callable[[], Backend]]:
    """Declare that a function returns the backend for the arrays of some libraries."""

    def declare(load: Callable[[], Backend]) -> Callable[[], Backend]:
        _BUILT_IN.update(dict.fromkeys(libraries, load))
        return load

    return declare


# Plain import statements: torch.compile(fullgraph=True) traces these, but not importlib.
@_built_in("numpy", "array_api_strict")
def _load_numpy() -> Backend:
    from ._numpy import BACKEND

    return BACKEND


@_built_in("torch")
def _load_torch() -> Backend:
    from ._torch import BACKEND

    return BACKEND


@_built_in("jax")
def _load_jax() -> Backend:
    from ._jax import BACKEND

    return BACKEND


@_built_in("cupy")
def _load_cupy() -> Backend:
    from ._cupy import BACKEND

    return BACKEND


@_built_in("dask")
def _load_dask() -> Backend:
    from ._dask import BACKEND

    return BACKEND


@_built_in("mlx")
def _load_mlx() -> Backend:
    from ._mlx import BACKEND

    return BACKEND
