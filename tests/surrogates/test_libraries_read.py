"""What is read and not run of other libraries, against the formulas in their sources.

These need a simulator, a device or TensorFlow, so nothing they computed is recorded.
"""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import surrogates
from golden.libraries import LIBRARIES as WITH_FACTS
from golden.libraries import facts_of
from surrogates.libraries import LIBRARIES, names_of

X = np.asarray([-2.5, -1.0, -0.5, -0.25, -0.0625, 0.0, 0.0625, 0.25, 0.5, 1.0, 1.5, 3.75])


READ = {
    (library, name): formula
    for library in WITH_FACTS
    for name, formula in facts_of(library).read.items()
}


def test_every_name_that_was_read_has_a_formula():
    read = [library for library in LIBRARIES if not names_of(library).was_run]
    names = {(library, name) for library in read for name in names_of(library).makers}
    assert names == set(READ), "give the formula in read of tests/golden/libraries/NAME.py"


@pytest.mark.parametrize(("library", "name"), READ)
def test_gradient_is_that_of_the_formula_that_was_read(library, name):
    formula, entry = READ[library, name], names_of(library)
    declared = inspect.signature(formula).parameters.values()
    defaults = {p.name: p.default for p in declared if p.name != "x"}
    ours = inspect.signature(entry.makers[name]).parameters
    assert {p.name: p.default for p in ours.values()} == defaults
    changed = [{key: 0.75 * value} for key, value in defaults.items()]
    together = {key: 3.0 * value for key, value in defaults.items()}
    for given in [{}, *changed, together]:
        surrogate = surrogates.from_library(library, name, **given)
        found = surrogate.surrogate_grad(X)
        np.testing.assert_allclose(found, formula(X, **given), rtol=1e-13, atol=1e-16)
        assert surrogate(0.0) == entry.spikes[name]
        assert not given or np.any(formula(X, **given) != formula(X))
