"""A surrogate as a value: equality, hashing, and its arrays taken out and put back in."""

from __future__ import annotations

import copy
import functools
import itertools
import pickle
import sys
import types
from dataclasses import fields

import numpy as np
import pytest

import surrogates
from surrogates import (
    Compressed,
    Relaxed,
    Scaled,
    Sigmoid,
    Surrogate,
)
from surrogates.definitions import SURROGATES


def test_surrogates_with_arrays_are_equal_by_identity():
    alpha = np.ones(3)
    assert surrogates.Sigmoid(alpha) == surrogates.Sigmoid(alpha)
    assert hash(surrogates.Sigmoid(alpha)) == hash(surrogates.Sigmoid(alpha))
    assert surrogates.Sigmoid(alpha) != surrogates.Sigmoid(np.ones(3))


def test_equal_numbers_that_are_not_the_same():
    class Flag(Surrogate):
        flag: object = 1

        def derivative(self, xp, x):
            return x if self.flag is True else -x

    assert Flag(1) != Flag(True)
    assert Flag(0.0) != Flag(-0.0)
    assert Flag(1.0) != Flag(2.0)
    assert Flag((1,)) != Flag((True,)) != Flag((1.0,))
    assert Flag((0.0,)) != Flag((-0.0,))
    assert Flag((1, "a")) == Flag((1, "a"))

    class Table:
        def __repr__(self):
            return "Table()"

    table = Table()
    assert Flag((table,)) == Flag((table,))
    assert Flag((table,)) != Flag((Table(),))
    assert surrogates.Scaled(Flag(), shift=0.0) == surrogates.Scaled(Flag(), shift=-0.0)
    assert str(surrogates.Scaled(Flag(), shift=-0.0).shift) == "0.0"


def test_surrogates_of_different_classes_are_different():
    def names(cls):
        return [f.name for f in fields(cls)]

    pairs = [
        (one(), other())
        for one, other in itertools.permutations(SURROGATES.values(), 2)
        if names(one) == names(other)
    ]
    pairs = [
        (type(a)(**dict.fromkeys(p, 2.0)), type(b)(**dict.fromkeys(p, 2.0)))
        for a, b in pairs
        if set(p := [n for n in names(type(a)) if n not in ("at_threshold", "closed", "n")])
    ]
    assert len(pairs) > 20
    for one, other in pairs:
        assert one != other
        assert not one == other  # noqa: SIM201 (it is __eq__ that is tested)
        assert len({one, other}) == 2
    assert Sigmoid(2.0) != 2.0
    assert surrogates.Relaxed(Sigmoid()) != surrogates.Compressed(Sigmoid())


def test_numbers_at_every_depth_come_back_to_their_places():
    inside = surrogates.MultiGaussianGrad(0.5, 0.4, 2.0)
    for surrogate in (inside, Scaled(inside, 2.0, 3.0, 0.5), Relaxed(Compressed(inside))):
        shared, numbers = surrogate.lifted()
        assert len(numbers) == (7 if isinstance(surrogate, Scaled) else 4)
        assert not shared.is_fixed
        assert shared.is_traceable
        x = np.linspace(-1.0, 1.0, 9)
        found = shared.combine(list(map(np.asarray, numbers))).exact_grad(x)
        np.testing.assert_allclose(found, surrogate.exact_grad(x), rtol=1e-14)
    other = surrogates.MultiGaussianGrad(1.5, 0.4, 2.0)
    assert other.lifted()[0] == inside.lifted()[0]
    assert hash(other.lifted()[0]) == hash(inside.lifted()[0])


def test_what_is_never_an_array_is_not_lifted():
    assert surrogates.StraightThrough(at_threshold=0.5).lifted()[1] == ()
    shared, numbers = surrogates.SquarewaveFourierSeries(3, at_threshold=0.5).lifted()
    assert (shared.n, shared.at_threshold) == (3, 0.5)
    assert 3 not in numbers


def test_several_arrays_at_every_depth_come_back_to_their_places():
    a, b, c, d = (np.asarray([v, v + 1.0]) for v in (1.0, 3.0, 5.0, 7.0))
    inside = surrogates.GaussianGrad(a, b)
    for surrogate in (Scaled(inside, c, d), Relaxed(Scaled(Compressed(inside), rate=c))):
        definition, arrays = surrogate.partition()
        assert len(arrays) == (4 if isinstance(surrogate, Scaled) else 3)
        assert definition.combine(arrays) == surrogate


def test_dir_shows_what_a_user_needs():
    shared = {"accuracy", "area", "area_below", "at_threshold", "breakpoints", "derivative"}
    shared |= {"peak", "primitive", "support", "surrogate_fun", "surrogate_grad", "traceable"}
    shared |= {"is_distribution", "width"}

    def shown(surrogate):
        return {name for name in dir(surrogate) if name[:2] != "__"}

    assert shown(Sigmoid()) == shared | {"alpha"}
    assert shown(Scaled(Sigmoid())) == shared | {"surrogate", "amplitude", "rate", "shift"}
    assert "__call__" in dir(Sigmoid())


def test_what_holds_a_traceable_one_is_not_traceable_by_that():
    class Holding(Surrogate):
        inner: Surrogate = Sigmoid()

    class Declared(Holding):
        traceable = True

    class Plain(Surrogate):
        pass

    assert not Holding().is_traceable
    assert not Holding().is_fixed
    assert Declared().is_traceable
    assert Declared().is_fixed
    assert not Declared(Plain()).is_traceable
    assert not Declared(Plain()).is_fixed


def test_what_holds_arrays_is_traced_and_what_holds_other_objects_is_not():
    class Own(Surrogate):
        beta: float = surrogates.parameter(2.0)

    class Declared(Own):
        traceable = True

    class Listed(Surrogate):
        traceable = True
        points: tuple = (1.0, 2.0)

    assert Declared(np.ones(3)).is_traceable
    assert Declared().is_fixed
    for surrogate in (Declared(np.ones(3)), Own(np.ones(3)), Own(), Listed()):
        assert not surrogate.is_fixed
    for surrogate in (Own(np.ones(3)), Own(), Listed()):
        assert not surrogate.is_traceable


def test_attributes_that_only_one_of_them_has_tell_surrogates_apart():
    class Maybe(Surrogate):
        def __init__(self, alpha=None):
            super().__init__()
            if alpha is not None:
                self.alpha = alpha

    assert Maybe() == Maybe()
    assert Maybe(2.0) == Maybe(2.0)
    assert Maybe() != Maybe(2.0)
    assert Maybe(2.0) != Maybe()


def test_numpys_arrays_are_widened_beside_those_of_another_library():
    amplitude = pytest.importorskip("array_api_strict").ones(2)
    widened = Scaled(Sigmoid(np.ones(2, np.float32)), amplitude=amplitude).widened()
    assert widened.surrogate.alpha.dtype == np.float64
    assert widened.amplitude is amplitude


def test_the_arrays_without_a_gradient_are_told_by_their_numbers():
    a, b, c, d = (np.asarray([v, v + 1.0]) for v in (1.0, 3.0, 5.0, 7.0))
    several = surrogates.MultiSpike(Scaled(Sigmoid(a), shift=b), threshold=c, offset=d)
    for surrogate in (several, Compressed(several)):
        found = {surrogate.array_paths[i]: why for i, why in surrogate.undifferentiated}
        before = "surrogate." if isinstance(surrogate, Compressed) else ""
        assert found.keys() == {f"{before}threshold", f"{before}offset"}
        for path, why in found.items():
            assert f"{path.rpartition('.')[2]} has no gradient" in why


def _pickled_of(monkeypatch, before, after):
    """Return what a class was pickled as, and make it another one of the same name."""
    home = types.ModuleType("home_of_a_class")
    monkeypatch.setitem(sys.modules, home.__name__, home)
    for cls in (before, after):
        cls.__module__, cls.__qualname__ = home.__name__, "Own"
    home.Own = before
    pickled = pickle.dumps(Scaled(before(3.0)))
    home.Own = after
    return pickled


def _own(**parameters):
    def derivative(self, xp, x):
        return sum(getattr(self, name) for name in parameters) / (1 + x * x)

    annotations = dict.fromkeys(parameters, float)
    return type(
        "Own",
        (Surrogate,),
        {"__annotations__": annotations, "derivative": derivative, **parameters},
    )


def test_what_was_pickled_before_a_parameter_got_another_name_is_refused(monkeypatch):
    pickled = _pickled_of(monkeypatch, _own(alpha=1.0), _own(beta=1.0))
    with pytest.raises(TypeError, match="what was pickled has alpha where the class now has beta"):
        pickle.loads(pickled)


def test_what_was_pickled_before_a_parameter_was_added_has_its_default(monkeypatch):
    after = _own(alpha=1.0, beta=4.0)
    restored = pickle.loads(_pickled_of(monkeypatch, _own(alpha=1.0), after))
    assert restored == Scaled(after(3.0))
    assert restored.surrogate_grad(0.0) == 7.0


class Remembering(Surrogate):
    """A user's, which computes something of its parameter once."""

    alpha: float = 2.0

    @functools.cached_property
    def height(self):
        return 3 * self.alpha

    def primitive(self, xp, x):
        return 0.5 + self.height * x

    def derivative(self, xp, x):
        return self.height + 0 * x

    @property
    def peak(self):
        return self.height


class Remembered:
    """Not a surrogate, but what remembers for one."""

    @functools.cached_property
    def tripled(self):
        return 3 * self.alpha


class Mixed(Remembered, surrogates.Surrogate):
    alpha: float = 2.0

    def derivative(self, xp, x):
        return self.tripled + 0 * x

    @property
    def peak(self):
        return self.tripled


class Inheriting(Remembering):
    """Its property is that of another surrogate."""


class Prepared(Remembering):
    """A user's, which does so when it is made, where it stays what it was."""

    def __post_init__(self):
        super().__post_init__()
        self.height_ = 3 * self.alpha

    def derivative(self, xp, x):
        return self.height_ + 0 * x


class Initialised(Surrogate):
    """A user's, whose array is no parameter."""

    def __init__(self, height):
        super().__init__()
        self.height = height

    def derivative(self, xp, x):
        return self.height + 0 * x


@pytest.mark.parametrize("cls", [Remembering, Inheriting, Mixed])
def test_what_is_remembered_of_one_array_is_not_taken_for_that_of_another(cls):
    surrogate = cls(np.asarray([1.0, 2.0]))
    np.testing.assert_array_equal(surrogate.peak, [3.0, 6.0])
    definition, _ = surrogate.partition()
    other = definition.combine((np.asarray([5.0, 7.0]),))
    np.testing.assert_array_equal(other.surrogate_grad(np.zeros(2)), [15.0, 21.0])
    assert copy.copy(surrogate).peak is surrogate.peak


def test_what_is_remembered_is_mapped_and_differentiated():
    jax = pytest.importorskip("jax")
    slope = lambda surrogate: jax.grad(surrogate)(0.0)  # noqa: E731
    for surrogate in (Remembering(jax.numpy.float32(2.0)), Scaled(Remembering(jax.numpy.ones(())))):
        assert surrogate.peak > 0  # it is remembered now
        assert jax.tree.leaves(jax.grad(slope)(surrogate)) == [3.0]
        several = jax.tree.map(lambda a: a * jax.numpy.arange(1.0, 3.0), surrogate)
        one = slope(surrogate)
        np.testing.assert_allclose(jax.vmap(slope)(several), [one, 2 * one])


def test_an_array_that_was_computed_when_a_surrogate_was_made_is_no_leaf_in_silence():
    jax = pytest.importorskip("jax")
    with pytest.raises(TypeError, match="Prepared: height_ is an array and no parameter"):
        jax.tree.leaves(Scaled(Prepared(jax.numpy.ones(2))))
    assert jax.grad(Prepared(1.0))(0.0) == 3.0


def test_what_was_computed_when_a_surrogate_was_made_is_not_kept_while_its_parameter_moves():
    torch = pytest.importorskip("torch")
    refused = pytest.raises(TypeError, match="Prepared: height_ was set when it was made")
    parts = (Prepared(1.0), Sigmoid())
    for surrogate, name in (
        (Prepared(1.0), "alpha"),
        (Scaled(Prepared(1.0)), "alpha"),
        (surrogates.Mixture(parts, (0.5, 0.5)), "surrogates.0.alpha"),
    ):
        with refused:
            surrogates.learnable(surrogate, name, framework="torch")
    with refused:  # whose buffer may be loaded
        surrogates.module(Prepared(torch.ones(2)))
    for surrogate in (Initialised(torch.ones(2)), Scaled(Initialised(torch.ones(2)))):
        with pytest.raises(TypeError, match=r"Initialised: height was set .* trained, loaded"):
            surrogates.module(surrogate, "torch")
    surrogates.module(Initialised(2.0), "torch")
    surrogates.learnable(Scaled(Prepared(1.0)), "amplitude", framework="torch")
    surrogates.learnable(surrogates.Mixture(parts, (0.5, 0.5)), "weights", framework="torch")
    surrogates.module(Prepared(1.0), "torch")
    module = surrogates.learnable(Remembering(1.0), "alpha", framework="torch")
    with torch.no_grad():
        module.raw["alpha"].fill_(5.0)
    assert module.surrogate_grad(torch.zeros(())) == 15.0
