"""How to call other libraries' surrogates, name by name."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from loading import beneath, by_file, checkout, installed, load

Arguments = dict[str, Any]


@dataclasses.dataclass
class Peer:
    """One name of a library: its parameters with their defaults, and how to call it.

    `make(**arguments)` returns the library's function of the membrane potential; where that takes
    the potential itself, `threshold(arguments)` is what x lacks of it.
    """

    name: str
    defaults: Arguments
    make: Callable[..., Callable[[Any], Any]]
    threshold: Callable[[Arguments], float] = lambda arguments: 0.0
    primitive: Callable[..., Callable[[Any], Any]] | None = None


def parameters(function: Callable[..., Any], *left_out: str) -> Arguments:
    """Return the parameters with their defaults; ``"required"`` where there is none."""
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in left_out and parameter.kind is not parameter.VAR_KEYWORD:
            empty = parameter.default is parameter.empty
            found[parameter.name] = "required" if empty else parameter.default
    return found


def classes(module: Any, names: str) -> Iterator[Peer]:
    """Return the names, classes or factories whose instances are functions of x."""
    for name in names.split():
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def functions(module: Any, names: str, *first: str) -> Iterator[Peer]:
    """Return the names, functions of x and parameters."""
    for name in names.split():
        function = getattr(module, name)
        yield Peer(name, parameters(function, *first), applied(function))


def applied(function: Callable[..., Any]) -> Callable[..., Callable[[Any], Any]]:
    """Return the factory for a function of x and parameters."""
    return lambda **given: lambda x: function(x, **given)


def braintools() -> Iterator[Peer]:
    module = importlib.import_module("braintools.surrogate")
    for name, member in inspect.getmembers(module):
        if name == "Surrogate" or module.__name__ not in getattr(member, "__module__", ""):
            continue
        if inspect.isclass(member):

            def primitive(cls=member, **given):
                return cls(**given).surrogate_fun

            yield Peer(name, parameters(member), member, primitive=primitive)
        elif inspect.isfunction(member):
            yield Peer(name, parameters(member, "x"), applied(member))


def norse() -> Iterator[Peer]:
    module = importlib.import_module("norse.torch.functional.threshold")

    # The parameters are named as the autograd functions name them.
    def peer(method: str, function: Callable[..., Any], forward: Callable[..., Any]) -> Peer:
        (name,) = parameters(forward, "ctx", "x", "input_tensor")
        (default,) = parameters(function, "x").values()

        def make(**given):
            values = given.values() or [default]
            return lambda x: module.threshold(x, method, *values)

        return Peer(method, {name: default}, make)

    yield peer("super", module.super_fn, module.super_fn)
    yield peer("triangle", module.triangle_fn, module.Triangle.forward)
    yield peer("heavi_erfc", module.heavi_erfc_fn, module.HeaviErfc.forward)
    yield peer("tanh", module.heavi_tanh_fn, module.HeaviTanh.forward)
    yield peer("circ", module.heavi_circ_fn, module.HeaviCirc.forward)


def rockpool() -> Iterator[Peer]:
    module = importlib.import_module("rockpool.nn.modules.torch.lif_torch")
    torch = importlib.import_module("torch")
    for name in ("StepPWL", "PeriodicExponential"):
        function = getattr(module, name)
        original = parameters(function.forward, "ctx", "x", "data")
        defaults = {
            key: value.item() if isinstance(value, torch.Tensor) else value
            for key, value in original.items()
        }

        # As LIFTorch passes them: tensors. Those that are not given are the library's defaults.
        def make(function=function, original=original, **given):
            tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in given.items()}
            values = (original | tensors).values()
            return lambda v: function.apply(v, *values)

        yield Peer(name, defaults, make, lambda given: given.get("threshold", 1.0))


def sinabs() -> Iterator[Peer]:
    module = importlib.import_module("sinabs.activation")
    layer = importlib.import_module("sinabs.layers").IAF
    default = inspect.signature(layer).parameters["spike_threshold"].default.item()

    def threshold(given):
        return given.get("spike_threshold", default)

    for name in (
        "SingleExponential",
        "Gaussian",
        "MultiGaussian",
        "Heaviside",
        "PeriodicExponential",
    ):
        cls = getattr(module, name)
        emission = module.MultiSpike if name == "PeriodicExponential" else module.SingleSpike

        def make(cls=cls, emission=emission, spike_threshold=default, **given):
            return lambda v: emission.apply(v, spike_threshold, cls(**given))

        yield Peer(name, {**parameters(cls), "spike_threshold": default}, make, threshold)


def slax() -> Iterator[Peer]:
    module = by_file("slax", "models/surrogates.py")
    for name in ("fast_sigmoid", "atan", "multi_gauss"):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def snnax() -> Iterator[Peer]:
    module = by_file("snnax", "functional/surrogate.py")
    for name in ("superspike_surrogate", "sigmoid_surrogate", "piecewise_surrogate"):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def snntorch() -> Iterator[Peer]:
    module = importlib.import_module("snntorch.surrogate")
    for name in (
        "atan",
        "fast_sigmoid",
        "heaviside",
        "LSO",
        "SFS",
        "sigmoid",
        "spike_rate_escape",
        "straight_through_estimator",
        "triangular",
    ):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def spikingjelly() -> Iterator[Peer]:
    module = importlib.import_module("spikingjelly.activation_based.surrogate")
    base = module.SurrogateFunctionBase
    for name, cls in inspect.getmembers(module, inspect.isclass):
        # PoissonPass emits random spikes.
        if not issubclass(cls, base) or cls is base or name == "PoissonPass":
            continue
        defaults = parameters(cls)
        relaxed = "spiking" in defaults and name != "DeterministicPass"

        def primitive(cls=cls, **given):
            return cls(spiking=False, **given)

        yield Peer(name, defaults, cls, primitive=primitive if relaxed else None)


def spyx() -> Iterator[Peer]:
    module = importlib.import_module("spyx.axn")
    for name in ("arctan", "boxcar", "custom", "superspike", "tanh", "triangular"):
        yield Peer(name, parameters(getattr(module, name)), getattr(module, name))


def stork() -> Iterator[Peer]:
    module = load(checkout("stork") / "stork/activations.py")
    for name in (
        "SuperSpike",
        "SuperSpike_rescaled",
        "SuperSpike_MemClamp",
        "SuperSpike_asymptote",
        "EsserSpike",
        "TanhSpike",
        "HardTanhSpike",
        "MultiSpike",
    ):
        cls = getattr(module, name)
        defaults = {key: getattr(cls, key) for key in ("beta", "maxspk") if hasattr(cls, key)}

        # Its parameters are attributes of the class.
        def make(cls=cls, defaults=defaults, **given):
            for key, value in (defaults | given).items():
                setattr(cls, key, value)
            return cls.apply

        yield Peer(name, defaults, make)

    custom = module.CustomSpike
    defaults = {"surrogate_type": custom.surrogate_type, **custom.surrogate_params}

    def make_custom(**given):
        custom.surrogate_params = defaults | given
        custom.surrogate_type = custom.surrogate_params.pop("surrogate_type")
        return custom.apply

    yield Peer("CustomSpike", defaults, make_custom)


def braincog() -> Iterator[Peer]:
    module = load(installed("braincog") / "braincog/base/strategy/surrogate.py")
    yield from classes(
        module,
        "SigmoidGrad AtanGrad GateGrad QGateGrad ReLUGrad STDPGrad BackEIGateGrad EIGrad",
    )
    estimator = module.straight_through_estimator
    yield Peer("straight_through_estimator", {}, lambda: estimator.apply)


def btorch() -> Iterator[Peer]:
    module = beneath(installed("btorch"), "btorch.models.surrogate")
    yield from classes(module, "ATan Erf Sigmoid SuperSpike Triangle")
    # The modules have these names, too.
    for name in ("atan", "erf", "sigmoid", "superspike", "triangle"):
        function = getattr(sys.modules[f"btorch.models.surrogate.{name}"], name)
        yield Peer(name, parameters(function, "x"), applied(function))


def decolle() -> Iterator[Peer]:
    module = beneath(installed("decolle"), "decolle.base_model")
    for name in ("FastSigmoid", "SmoothStep", "SigmoidStep"):
        yield Peer(name, {}, applied(getattr(module, name).apply))


def hxtorch() -> Iterator[Peer]:
    path = "src/pyhxtorch/hxtorch/spiking/functional/superspike.py"
    yield from functions(load(checkout("hxtorch") / path), "superspike_func", "input")


def jaxpike() -> Iterator[Peer]:
    module = importlib.import_module("jaxpike.surrogate")
    yield from classes(module, "FastSigmoid ATan Triangular Boxcar")


def jaxsnn() -> Iterator[Peer]:
    path = "src/pyjaxsnn/jaxsnn/discrete/functional/threshold.py"
    yield from functions(load(checkout("jaxsnn") / path), "superspike", "x")


def lava_dl() -> Iterator[Peer]:
    module = beneath(checkout("lava_dl") / "src", "lava.lib.dl.slayer.spike.spike")
    defaults = {"tau_rho": "required", "scale_rho": "required"}

    def make(tau_rho, scale_rho):
        return lambda v: module.Spike.apply(v, 1.0, tau_rho, scale_rho, False, 0, 1)

    yield Peer("Spike", defaults, make, lambda given: 1.0)


def matterhorn() -> Iterator[Peer]:
    firing = importlib.import_module("matterhorn_pytorch.snn.firing")
    functional = importlib.import_module("matterhorn_pytorch.snn.functional")
    for name in ("Rectangular", "Polynomial", "Sigmoid", "Gaussian", "Floor", "Round"):
        cls = getattr(firing, name)
        yield Peer(name, parameters(cls), cls, lambda given: 1.0)
    kinds = ("rectangular", "polynomial", "sigmoid", "gaussian")
    yield from functions(functional, " ".join(f"heaviside_{kind}" for kind in kinds), "x")


def mlx_snn() -> Iterator[Peer]:
    module = importlib.import_module("mlxsnn.surrogate")
    names = ("fast_sigmoid", "arctan", "sigmoid", "straight_through", "triangular")
    yield from classes(module, " ".join(f"{name}_surrogate" for name in names))


def snngrow() -> Iterator[Peer]:
    root = checkout("snngrow")
    for name in ("ATan", "Sigmoid"):
        module = beneath(root, f"snngrow.base.surrogate.{name}")
        yield from classes(module, name)


def spaic() -> Iterator[Peer]:
    module = load(checkout("spaic") / "spaic/Learning/surrogate.py")
    yield from classes(module, "SigmoidGrad AtanGrad RectangleGrad GateGrad QGateGrad ReLUGrad")
    estimator = module.straight_through_estimator
    yield Peer("straight_through_estimator", {}, lambda: estimator.apply)


def sparxml() -> Iterator[Peer]:
    module = load(installed("sparx") / "sparx/surrogate.py")
    names = "ATan Sigmoid FastSigmoid Triangle Rectangle Gaussian StraightThrough"
    yield from classes(module, names)


def spikede() -> Iterator[Peer]:
    module = load(checkout("spikede") / "spikeDE/surrogate.py")
    kinds = ("sigmoid", "arctan", "piecewise_linear", "gaussian")
    yield from functions(module, " ".join(f"{kind}_surrogate" for kind in kinds), "input")


MLX = {"mlx_snn"}
JAX = {"braintools", "jaxpike", "jaxsnn", "slax", "snnax", "sparxml", "spyx"}

LIBRARIES = [
    braincog,
    braintools,
    btorch,
    decolle,
    hxtorch,
    jaxpike,
    jaxsnn,
    lava_dl,
    matterhorn,
    mlx_snn,
    norse,
    rockpool,
    sinabs,
    slax,
    snnax,
    snngrow,
    snntorch,
    spaic,
    sparxml,
    spikede,
    spikingjelly,
    spyx,
    stork,
]
