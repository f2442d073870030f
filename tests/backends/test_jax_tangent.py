"""JAX: what the tangent of a spike keeps, compiles and evaluates."""

from __future__ import annotations

import numpy as np
import pytest

import surrogates
from kinds import others_long
from surrogates import Arctan, Compressed, MultiSpike, Relaxed, Scaled, Sigmoid, Ternary

jax = pytest.importorskip("jax")
jnp = jax.numpy
from surrogates.backends import _jax_tangent as hook  # noqa: E402

X = np.linspace(-1.3, 1.2, 600, dtype=np.float32).reshape(3, 200)
ALPHA = np.float32(2.0)


def close(actual, expected, rtol=1e-12):
    for one, other in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=1e-15)


# By surrogate, the bytes that are kept of an element.
KEPT = {
    "number": (lambda alpha: Sigmoid(2.0), 4),
    "array": (Sigmoid, 4),
    "relaxed": (lambda alpha: Relaxed(Arctan(alpha)), 4),
    "relaxed, several parameters": (
        lambda alpha: Relaxed(Scaled(Arctan(alpha), amplitude=alpha, rate=alpha, shift=alpha)),
        4,
    ),
    "relaxed, of infinite area": (lambda alpha: Relaxed(surrogates.TanhOffset(alpha)), 4),
    "float16": (lambda alpha: Compressed(Sigmoid(alpha), "float16"), 2),
    "uint8": (lambda alpha: Compressed(Sigmoid(alpha), "uint8"), 1),
    "relaxed and compressed": (lambda alpha: Compressed(Relaxed(Sigmoid(alpha)), "float16"), 2),
    "relaxed, in levels": (lambda alpha: Compressed(Relaxed(Sigmoid(alpha)), "uint8"), 5),
}


def bytes_of(pullback):
    """Return the bytes of what a pullback holds, but for single numbers."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(pullback) if leaf.size > 1)


def over_scan(make):
    def loss(xs, alpha):
        def step(v, x):
            spikes = make(alpha)(v - 1.0)
            return 0.9 * v + x, spikes.sum()

        return jax.lax.scan(step, xs[0], xs)[1].sum()

    return loss


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("name", others_long(KEPT, "array", "relaxed"))
def test_x_and_the_parameters_are_kept_and_no_more(name, jit):
    make, size = KEPT[name]
    x, alpha = jnp.asarray(X), jnp.asarray(ALPHA)
    transform = jax.jit if jit else lambda function: function
    for function in (lambda x, alpha: make(alpha)(x), over_scan(make)):
        pullback = jax.vjp(transform(function), x, alpha)[1]
        assert 0 < bytes_of(pullback) <= size * X.size


@pytest.mark.parametrize("name", KEPT)
def test_inside_of_checkpoint_no_more_is_kept(name):
    make, _ = KEPT[name]
    x, alpha = jnp.asarray(X), jnp.asarray(ALPHA)
    pullback = jax.vjp(jax.checkpoint(lambda x, alpha: make(alpha)(x)), x, alpha)[1]
    assert bytes_of(pullback) <= 4 * X.size


FORMS = {
    "relaxed": lambda a: Relaxed(Arctan(a)),
    "relaxed, scaled": lambda a: Relaxed(Scaled(Arctan(a), amplitude=a, shift=a / 10)),
    "relaxed and signed": lambda a: Relaxed(Ternary(Arctan(a), threshold=a)),
    "relaxed and compressed": lambda a: Compressed(Relaxed(Arctan(a)), "float16"),
    "array": Arctan,
    "float16": lambda a: Compressed(Arctan(a), "float16"),
    "uint8": lambda a: Compressed(Arctan(a), "uint8"),
    "several": lambda a: MultiSpike(Arctan(a), 0.25),
}


@pytest.mark.parametrize("form", others_long(FORMS, "array"))
def test_derivatives_are_the_same_before_and_after_they_are_compiled(form):
    x, alpha = jnp.asarray(X[:, :4], "float64"), jnp.asarray([1.0, 1.5, 2.0, 3.0])

    def loss(x, alpha):
        return (FORMS[form](alpha)(x) * x).sum()

    def derivatives():
        found = [
            jax.grad(loss, argnums=(0, 1))(x, alpha),
            jax.jvp(loss, (x, alpha), (x, alpha)),
            jax.vmap(jax.grad(loss, argnums=(0, 1)), (0, None))(x[:, None], alpha),
            jax.jacfwd(loss, argnums=1)(x, alpha),
        ]
        if form != "uint8":  # it has one derivative
            slope = jax.grad(lambda x: loss(x, alpha))
            found.append(jax.jvp(slope, (x,), (x,)))
            found.append(jax.jacfwd(jax.grad(loss, argnums=1), argnums=1)(x, alpha))
        return found

    hook._compiled.cache_clear()
    first = derivatives()
    close(jax.jit(derivatives)(), first)
    for _ in range(hook._Compiled.uses_before_compiling + 1):
        later = derivatives()
    close(later, first)


class Compilations:
    """The number of programs that XLA compiled so far."""

    def __init__(self):
        self.count = 0
        jax.monitoring.register_event_duration_secs_listener(self._heard)

    def _heard(self, event, *_, **__):
        self.count += event == "/jax/core/compile/backend_compile_duration"


@pytest.fixture(scope="module")
def compilations():
    return Compilations()


MOVING = {
    "number": lambda value: Sigmoid(value),
    "numbers, nested": lambda value: Scaled(Sigmoid(2.0), amplitude=value, rate=3.0),
    "array": lambda value: Sigmoid(jnp.asarray(value)),
    "relaxed": lambda value: Relaxed(Sigmoid(jnp.asarray(value))),
    "compressed": lambda value: Compressed(Sigmoid(value)),
}


@pytest.mark.parametrize("name", MOVING)
def test_another_value_at_each_call_compiles_nothing_anew(name, compilations):
    x, make = jnp.asarray(X), MOVING[name]
    hook._compiled.cache_clear()
    uses = []
    for value in np.linspace(1.0, 2.0, 20).tolist():
        surrogate = make(value)
        found = jax.grad(lambda x: surrogate(x).sum())(x)  # noqa: B023
        close(found, surrogate.exact_grad(x), rtol=1e-2 if name == "compressed" else 1e-5)
        uses.append(compilations.count)
    assert uses[-1] == uses[hook._Compiled.uses_before_compiling + 1]
    pulled = [key for key in _keys() if key.uses > hook._Compiled.uses_before_compiling]
    assert pulled  # what was called last was compiled, for all values


def test_another_number_at_each_call_is_handed_over_as_a_number(monkeypatch):
    x, made, asarray = jnp.asarray(X), [], jnp.asarray

    def counted(value, *args, **options):
        made.append(value)
        return asarray(value, *args, **options)

    for alpha in np.linspace(1.0, 2.0, 12).tolist():
        made.clear()
        jax.grad(lambda x: Sigmoid(alpha)(x).sum())(x)  # noqa: B023
        monkeypatch.setattr(jnp, "asarray", counted)
    assert not any(isinstance(value, float) for value in made)


@pytest.mark.parametrize("name", others_long(MOVING, "array"))
def test_another_value_at_each_call_where_jit_is_disabled(name):
    """Whatever was compiled before: `diagnose` disables it, and who looks for a NaN."""
    x, ones, make = jnp.asarray(X[:1, :4]), jnp.ones((1, 4), "float32"), MOVING[name]

    def derivatives(value):
        surrogate = make(value)
        return (
            surrogates.vjp(surrogate, x)[1](ones),
            surrogates.jvp(surrogate, x, ones),
            jax.vjp(surrogate, x)[1](ones),
            jax.grad(lambda x: surrogate(x).sum())(x),
        )

    for value in np.linspace(1.0, 2.0, 10).tolist():
        expected = derivatives(value)
        with jax.disable_jit():
            close(derivatives(value), expected, rtol=1e-5)


def _keys():
    definitions = [Sigmoid(2.0).lifted()[0], Scaled(Sigmoid(2.0), rate=3.0).lifted()[0]]
    definitions += [Compressed(Sigmoid(2.0)).lifted()[0], Sigmoid(jnp.ones(())).partition()[0]]
    definitions.append(Relaxed(Sigmoid(jnp.ones(()))).partition()[0])
    return [hook._compiled(hook._pulled, definition, (0,)) for definition in definitions]


class Branching(surrogates.Surrogate):
    """Of a user, who asks for the value of a number."""

    power: float = surrogates.parameter(2.0, low=0.0)
    traceable = True

    def derivative(self, xp, x):
        return xp.exp(-xp.abs(x)) if self.power > 1 else 1 / (1 + x * x)


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_formula_that_branches_on_a_number_is_never_given_a_tracer(is_kept):
    x = jnp.asarray(X)
    for power in np.linspace(0.5, 1.5, 20).tolist():
        surrogate = Compressed(Branching(power)) if is_kept else Branching(power)
        found = jax.grad(lambda x: surrogate(x).sum())(x)  # noqa: B023
        close(found, Branching(power).surrogate_grad(X), rtol=1e-2 if is_kept else 1e-5)


def test_what_is_used_is_compiled_the_fifth_time():
    used = hook._Compiled(hook._sum, Sigmoid(2.0), (0,))
    assert [used.is_used_often() for _ in range(6)] == [False] * 4 + [True] * 2


def test_a_tangent_promotes_alike_eager_and_compiled():
    def tangent(x):  # of a number of Python, which would take the dtype of what it meets
        return jax.jvp(Sigmoid(2.0), (x,), (1.0,))[1]

    assert not tangent(0.5).weak_type
    assert not jax.jit(tangent)(0.5).weak_type


# JAX says that a rule may be handed this; no transform is known that does.
def test_a_tangent_that_nobody_uses_has_no_cotangent_to_pass_on():
    from jax.interpreters import ad

    x = jnp.asarray(X)
    operands = (ad.Zero(x.aval), ad.UndefinedPrimal(x.aval), x)
    assert hook._transpose(*operands, definition=Sigmoid(2.0), moved=(0,)) == [None, None]


def test_numbers_are_constants_inside_of_what_is_compiled():
    x = jnp.asarray(X)
    for alpha in np.linspace(1.0, 2.0, 8).tolist():
        text = str(jax.make_jaxpr(jax.grad(lambda x: Sigmoid(alpha)(x).sum()))(x))  # noqa: B023
        assert f"definition=Sigmoid(alpha={alpha})" in text


def test_eager_differentiation_is_told_from_tracing():
    # by a method of Tracer that is not documented; without it, numbers that change are slower
    if jax.__version_info__ < (0, 5):
        pytest.skip("JAX 0.4.35 has no such method")
    seen = []

    def see(x):
        seen.append(hook.is_concrete(x))
        return x.sum()

    x = jnp.asarray(X)
    see(x), jax.grad(see)(x), jax.jit(see)(x), jax.vmap(see)(x), jax.jit(jax.grad(see))(x)
    assert seen == [True, True, False, False, False]


@pytest.mark.long
def test_no_gradient_to_a_parameter_from_where_it_has_none():
    x = jnp.asarray([-jnp.inf, jnp.inf, jnp.nan, 1e30, 0.5], "float32")

    def slope(alpha):
        return jax.grad(lambda a: Relaxed(Sigmoid(a))(x).sum())(alpha)

    alpha = jnp.asarray(2.0, "float32")
    expected = jax.grad(lambda a: Relaxed(Sigmoid(a))(x[4]))
    close(slope(alpha), expected(alpha), rtol=1e-6)
    close(jax.grad(slope)(alpha), jax.grad(expected)(alpha), rtol=1e-6)


@pytest.mark.parametrize("cls", [Sigmoid, Arctan])
def test_the_short_form_has_the_slope_of_the_area_and_its_derivatives(cls):
    definition, _ = Relaxed(cls(jnp.ones(()))).partition()
    x, alpha = jnp.asarray([-2.0, 0.0, 0.3, jnp.inf, jnp.nan]), jnp.asarray(1.7)

    def computed(slope):
        return [slope(x, alpha), *jax.jvp(slope, (x, alpha), (jnp.ones_like(x), alpha))]

    short = computed(lambda x, a: hook._short_slope(definition, 1, 1, x, a))
    expected = computed(lambda x, a: hook._area_slope(definition, 1, x, a))
    for one, other in zip(short, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("jit", [False, True], ids=["eager", "jit"])
def test_a_tangent_is_differentiated_to_the_tangents_that_it_was_given(jit):
    x, alpha = jnp.asarray([-0.4, 0.0, 0.7]), jnp.asarray(2.0)
    of_x, of_alpha = jnp.asarray([1.0, 3.0, -2.0]), jnp.asarray(0.5)
    change, other = jnp.asarray([0.5, 7.0, 1.5]), jnp.asarray(-3.0)

    def tangent(x, of_x, of_alpha):
        spikes = lambda x, alpha: Relaxed(Sigmoid(alpha))(x)  # noqa: E731
        return jax.jvp(spikes, (x, alpha), (of_x, of_alpha))[1]

    def moved(function, *pairs):
        transform = jax.jit if jit else lambda function: function
        return transform(lambda *pairs: jax.jvp(function, *pairs)[1])(*zip(*pairs, strict=True))

    by_primitive = jax.nn.sigmoid(2 * x)
    slope = 2 * by_primitive * (1 - by_primitive)
    to_x = moved(lambda t: tangent(x, t, of_alpha), (of_x, change))
    close(to_x, slope * change)
    to_alpha = moved(lambda t: tangent(x, of_x, t), (of_alpha, other))
    close(to_alpha, x / 2 * slope * other)
    both = moved(lambda *t: tangent(x, *t), (of_x, change), (of_alpha, other))
    close(both, slope * change + x / 2 * slope * other)
    second = 2 * slope * (1 - 2 * by_primitive)
    with_x = moved(lambda x, t: tangent(x, t, jnp.zeros(())), (x, change), (of_x, change))
    close(with_x, second * change * of_x + slope * change)


# With a power, with a power and a scale, and of two parameters one with neither.
POWERS = {
    "power": Sigmoid,
    "scale": surrogates.InvSquareGrad,
    "several": lambda a: surrogates.GaussianGrad(a, a + 1.0),
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "compressed"), [("power", False), ("scale", False), ("several", True)]
)
def test_a_parameter_has_the_slope_of_the_area_under_every_transform(name, compressed):
    # half precision has these x
    x, alphas = jnp.asarray([-0.75, 0.125, 0.375]), jnp.asarray([1.3, 2.1])

    def relaxed(x, alpha):
        surrogate = Relaxed(POWERS[name](alpha))
        return (Compressed(surrogate, "float16") if compressed else surrogate)(x)

    def area(x, alpha):
        return POWERS[name](alpha).area_to(jnp, x)

    def slopes(function):
        to_alpha = jax.grad(lambda alpha, x: function(x, alpha).sum())
        return [
            to_alpha(alphas[0], x),
            jax.vmap(to_alpha, (0, None))(alphas, x),
            jax.vmap(to_alpha, (None, 0))(alphas[0], x),
            jax.vmap(to_alpha)(alphas, jnp.stack([x, -x])),
            jax.vmap(jax.vmap(to_alpha, (None, 0)), (0, None))(alphas, x),
            jax.jacfwd(function, argnums=1)(x[:2], alphas),
            jax.jacfwd(function, argnums=1)(jnp.stack([x[:2], -x[:2], x[1:]]), alphas),
            jax.jacfwd(to_alpha)(alphas[0], x),
            jax.jvp(to_alpha, (alphas[0], x), (alphas[1], jnp.zeros_like(x))),
        ]

    # eager JAX compiles each operation by itself, which takes long: one form is enough for that
    compiled = jax.jit(slopes, static_argnums=0)
    computed = slopes if name == "power" else compiled
    close(computed(relaxed), compiled(area), rtol=1e-6)


def test_forward_mode_over_forward_mode_has_the_second_derivative():
    x, alpha = jnp.asarray(0.3), jnp.asarray(2.0)

    def second(function):
        def along(x, a):  # the squares have slopes that change
            return jax.jvp(lambda x, a: function(x * x, a * a), (x, a), (1.0, 0.5))[1]

        return jax.jvp(along, (x, alpha), (0.7, 1.0))[1]

    expected = second(lambda x, a: Sigmoid(a).area_to(jnp, x))
    close(second(lambda x, a: Relaxed(Sigmoid(a))(x)), expected, rtol=1e-6)


def test_axes_of_batches_are_put_in_front_and_ranks_are_one():
    a, b, c = np.arange(6.0).reshape(2, 3), np.arange(15.0).reshape(3, 5), np.arange(5.0)
    front = hook.with_axis_in_front([a, b, c], [None, 1, 0])
    expected = [np.stack([a] * 5), b.T.reshape(5, 1, 3), c.reshape(5, 1, 1)]
    close(front, expected)


class Changing(surrogates.Surrogate):
    """Of a user, with a slope that is read anew at each call."""

    def derivative(self, xp, x):
        return xp.zeros_like(x) + NOW[0]


NOW = [0.0]


def test_a_formula_that_may_change_is_never_compiled():
    x = jnp.asarray(X)
    for NOW[0] in range(8):
        close(jax.grad(lambda x: Changing()(x).sum())(x), np.full(X.shape, float(NOW[0])))
