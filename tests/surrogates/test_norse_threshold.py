"""The context in which norse's neurons spike by a surrogate, on modules that stand for norse's."""

from __future__ import annotations

import sys
import threading
import types

import numpy as np
import pytest

import surrogates
from surrogates import to_library

ARCTAN = surrogates.Arctan(2.0, at_threshold=0.0)
GRADED = surrogates.SlayerGrad(3.0, at_threshold=0.0)
X = np.asarray([-1.0, 0.0, 1.0])


def own(x, method, alpha):
    return f"own {method}"


@pytest.fixture
def modules(monkeypatch):
    """Modules as norse has them: one defines the function, others hold it under its name."""
    home = "norse.torch.functional.threshold"
    made = {}
    for name in ("norse", "norse.torch", "norse.torch.functional", home, "norse.torch.lif"):
        module = types.ModuleType(name)
        module.__path__ = []
        made[name] = module
        monkeypatch.setitem(sys.modules, name, module)
    made[home].threshold = made["norse.torch.lif"].threshold = own
    made["norse.torch"].threshold = "something else of this name"
    return made[home], made["norse.torch.lif"]


def spike_by(modules):
    """Return what the neurons spike by now: norse's function, or a surrogate."""
    (held,) = {module.threshold for module in modules}
    return held if held is own else held.surrogate


def test_the_function_is_replaced_where_it_is_held_and_put_back(modules):
    with to_library("norse", ARCTAN):
        assert spike_by(modules) == ARCTAN
        spikes = modules[1].threshold(X, "super", 100.0)
        np.testing.assert_array_equal(spikes, [0.0, 0.0, 1.0])
        assert isinstance(sys.modules["norse.torch"].threshold, str)
    assert spike_by(modules) is own


def test_a_context_that_is_taken_for_a_method_is_shown_in_the_error_of_norse():
    assert repr(to_library("norse", ARCTAN)).startswith("<a context, for a with st")


def test_it_is_put_back_after_an_exception(modules):
    with pytest.raises(KeyError), to_library("norse", ARCTAN):
        raise KeyError
    assert spike_by(modules) is own


def test_the_inner_one_of_nested_contexts_holds(modules):
    outer = to_library("norse", ARCTAN)
    with outer:
        with to_library("norse", GRADED):
            assert spike_by(modules) == GRADED
            with outer:  # entered again
                assert spike_by(modules) == ARCTAN
            assert spike_by(modules) == GRADED
        assert spike_by(modules) == ARCTAN
    assert spike_by(modules) is own


def test_contexts_may_end_in_the_order_in_which_they_began(modules):
    """As those of two threads, or of two generators, may."""
    first, second = to_library("norse", ARCTAN), to_library("norse", GRADED)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert spike_by(modules) == GRADED
    second.__exit__(None, None, None)
    assert spike_by(modules) is own


@pytest.mark.long
def test_threads_leave_nothing_behind(modules):
    def enter_and_leave():
        for _ in range(200):
            with to_library("norse", ARCTAN):
                assert spike_by(modules[:1]) is not own

    threads = [threading.Thread(target=enter_and_leave) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert spike_by(modules) is own


def test_a_module_that_is_imported_meanwhile_gets_the_function_back(modules):
    with to_library("norse", ARCTAN):
        late = types.ModuleType("norse.torch.late")
        late.threshold = modules[0].threshold
        sys.modules["norse.torch.late"] = late
    try:
        assert late.threshold is own
    finally:
        del sys.modules["norse.torch.late"]


@pytest.mark.parametrize(
    "surrogate", [surrogates.Arctan(), surrogates.MultiSpike(surrogates.Arctan())], ids=str
)
def test_a_spike_at_0_is_refused(surrogate):
    """It would keep norse's refractory neurons silent: they ask whether a count is above 0."""
    with pytest.raises(ValueError, match=r"spike where x > 0.* at_threshold=0.0, got "):
        to_library("norse", surrogate)
