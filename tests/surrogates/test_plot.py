"""Pictures of surrogates, by the data of what is drawn: no pixels are compared."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import surrogates
from surrogates import (
    Boxcar,
    Custom,
    Dspike,
    GaussianGrad,
    InvSquareGrad,
    LeakyRelu,
    Mixture,
    MultiGaussianGrad,
    MultiSpike,
    PiecewiseLeakyRelu,
    ReluGrad,
    Scaled,
    Sigmoid,
    SlayerGrad,
    Spliced,
    StraightThrough,
    Ternary,
    Windowed,
)
from surrogates._cli import main
from surrogates.definitions import SURROGATES

Figure = pytest.importorskip("matplotlib.figure").Figure


def plot(*drawn, **arguments):
    return surrogates.plot(*drawn, ax=Figure().subplots(), **arguments)


def data(ax):
    return [line.get_xydata().T for line in ax.lines]


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


class Bump(surrogates.Surrogate):
    beta: float = surrogates.parameter(2.0, low=0.0)

    def derivative(self, xp, x):
        return xp.exp(-self.beta * x**4)


@pytest.mark.parametrize("name", SURROGATES)
def test_every_surrogate_is_drawn_as_it_is_with_its_peak(name):
    surrogate = SURROGATES[name]()
    ax = plot(surrogate, kind="all")
    derivative, primitive, spike = data(ax)
    for (x, y), function in (
        (derivative, surrogate.surrogate_grad),
        (primitive, surrogate.surrogate_fun),
        (spike, surrogate),
    ):
        drawn = ~np.isnan(y)
        assert len(x) - drawn.sum() <= 14
        np.testing.assert_array_equal(y[drawn], function(x[drawn]))
        assert np.all(np.diff(x) > 0)
    if np.isfinite(surrogate.width):  # an infinite one may grow without end
        assert np.nanmax(derivative[1]) == pytest.approx(surrogate.peak, rel=1e-3)
    assert ax.get_xlim() == pytest.approx((x[0], x[-1]))
    assert x[0] < 0 < x[-1]


JUMPS = {
    "box": (Boxcar(2.0), (-1.0, 1.0)),
    "leaky": (LeakyRelu(), (0.0,)),
    "plateau": (PiecewiseLeakyRelu(c=0.25), (-1.0, 1.0)),
    "cut": (Dspike(), (-0.5, 0.5)),
    "window": (Windowed(Sigmoid(), band=0.75), (-0.75, 0.75)),
    "spliced": (Spliced(Sigmoid(2.0), StraightThrough()), (0.0,)),
    "scaled": (Scaled(Boxcar(), shift=3.0), (2.5, 3.5)),
    "ternary": (Ternary(Boxcar(), threshold=1.0), (-2.5, -1.5, -0.5, 0.5)),
    "smooth": (Sigmoid(), ()),
    "corner": (ReluGrad(), ()),
    "cusp": (InvSquareGrad(1e4), ()),
}


@pytest.mark.parametrize(("surrogate", "jumps"), JUMPS.values(), ids=JUMPS)
def test_jump_is_a_gap_and_a_slope_is_none(surrogate, jumps):
    ((x, y),) = data(plot(surrogate))
    np.testing.assert_allclose(x[np.isnan(y)], jumps, atol=1e-12)
    ((x, y),) = data(plot(surrogate, limits=(-20.0, 20.0)))
    assert np.isnan(y).sum() == len(jumps)


def test_spikes_are_steps():
    ((x, y),) = data(plot(MultiSpike(SlayerGrad(), max_spikes=2), kind="spike", limits=(-1, 3)))
    np.testing.assert_allclose(x[np.isnan(y)], [0.0, 1.0], atol=1e-8)
    assert set(y[~np.isnan(y)]) == {0.0, 1.0, 2.0}


def test_narrow_one_beside_a_wide_one_keeps_its_shape():
    ax = plot(narrow := InvSquareGrad(1e4), wide := Sigmoid(0.1))
    (x, y), _ = data(ax)
    assert ax.get_xlim()[1] > wide.width
    assert np.max(y) == 1.0
    assert np.sum(np.abs(x) < narrow.width) > 20


LIMITS = {
    "support": (Boxcar(4.0), 2.0, 3.5),
    "width": (GaussianGrad(sigma=10.0), 30.0, 100.0),
    "narrow": (InvSquareGrad(1e4), 1e-4, 1e-3),
    "no width": (surrogates.HardTanhRamp(beta=1e3), 2e-3, 1e-2),
    "no scale": (StraightThrough(), 1.0, 5.0),
    "moved": (Scaled(Sigmoid(), shift=50.0), 51.0, 100.0),
    "user's": (Bump(beta=1e-8), 100.0, 1000.0),
    "functions": (Custom(lambda x: 1 / (1 + (1e3 * x) ** 2)), 1e-3, 1e-2),
    "one side": (Custom(lambda x: 1 / (1 + (1e3 * np.maximum(x, 0.0)) ** 2)), 1e-3, 1e-2),
    "other side": (Custom(lambda x: 1 / (1 + (1e3 * np.minimum(x, 0.0)) ** 2)), 1e-3, 1e-2),
    "periodic": (surrogates.SquarewaveFourierSeries(), 4.0, 20.0),
}


@pytest.mark.parametrize(("surrogate", "least", "most"), LIMITS.values(), ids=LIMITS)
def test_limits_show_the_shape(surrogate, least, most):
    high = plot(surrogate).get_xlim()[1]
    assert least < high < most
    assert plot(surrogate, log=True).get_xlim()[1] >= high


SIGMOID, WAVE = Sigmoid(), surrogates.SquarewaveFourierSeries()
EXACT = {
    "widths": ([SIGMOID], -2.5 * SIGMOID.width, 2.5 * SIGMOID.width, 2.5 * SIGMOID.width),
    "support": ([Boxcar(4.0)], -3.0, 3.0, 0.0),
    "moved support": ([Scaled(Boxcar(), shift=3.0)], 2.25, 3.75, 0.0),
    "moved, with 0": ([Scaled(Sigmoid(), shift=50.0)], -12.5, 62.5, 0.0),
    "moved down, with 0": ([Scaled(Sigmoid(), shift=-50.0)], -62.5, 12.5, 0.0),
    "no scale, moved": ([Scaled(StraightThrough(), shift=10.0)], -25.0, 35.0, 25.0),
    "user's": ([Bump(beta=1e-8)], -500.0, 500.0, 500.0),
    "nothing": ([surrogates.HeavisideGrad(0.0)], -2.5, 2.5, 2.5),
    "window": ([Windowed(Sigmoid(), band=0.75)], -1.125, 1.125, 0.0),
    "signed": ([Ternary(Boxcar(), threshold=1.0)], -5.0, 3.0, 2.5),
    "no scale": ([StraightThrough()], -2.5, 2.5, 2.5),
    "seven bends": ([WAVE], -6.0 - 2.5 * WAVE.width, 6.0 + 2.5 * WAVE.width, 2.5 * WAVE.width),
    "several": ([Boxcar(4.0), Scaled(Boxcar(), shift=3.0)], -3.0, 3.75, 0.0),
    "several, turned": ([Scaled(Boxcar(), shift=-3.0), Boxcar(4.0)], -3.75, 3.0, 0.0),
}


@pytest.mark.parametrize(("drawn", "low", "high", "more"), EXACT.values(), ids=EXACT)
def test_limits_are_as_far_as_the_shape_asks_to_each_side(drawn, low, high, more):
    assert plot(*drawn).get_xlim() == pytest.approx((low, high))
    assert plot(*drawn, log=True).get_xlim() == pytest.approx((low - more, high + more))


def test_within_a_gap_is_nothing_but_the_jump():
    ((x, y),) = data(plot(Boxcar(1e-4), limits=(-500.0, 500.0)))
    near = np.abs(x - 5e-5) < 0.9e-6  # of a millionth to each side
    assert near.sum() == 1
    assert np.isnan(y[near]).all()


def test_a_jump_at_the_end_of_the_picture_is_no_gap():
    ((x, y),) = data(plot(Boxcar(2.0), limits=(-1.0, 1.0)))
    assert (x[0], x[-1]) == (-1.0, 1.0)
    assert np.all(y == y[0])


def test_a_picture_of_a_tail_alone_has_no_gap():
    ((x, y),) = data(plot(Boxcar(2.0), limits=(2.0, 5.0)))
    assert (x[0], x[-1]) == (2.0, 5.0)
    assert np.all(y == 0)


def test_a_formula_of_your_own_may_warn_and_be_nan():
    overflowing = Custom(lambda x: np.exp(-1e3 * x))
    assert np.isinf(data(plot(overflowing, limits=(-1.0, 1.0)))[0][1]).any()
    y = data(plot(Custom(lambda x: np.sqrt(-1.0 - x * x)), limits=(-1.0, 1.0)))[0][1]
    assert np.isnan(y).all()


def test_limits_hold_both_thresholds_and_may_be_given():
    low, high = plot(Ternary(ReluGrad(), threshold=4.0)).get_xlim()
    assert low < -9 < 1 < high
    assert plot(Sigmoid(), limits=(-1, 3)).get_xlim() == (-1, 3)


def test_axes_that_hold_something_keep_it_in_view():
    ax = plot(Sigmoid(0.1))
    wide = ax.get_xlim()
    surrogates.plot(InvSquareGrad(), ax=ax)
    assert ax.get_xlim() == wide
    assert len(labels(ax)) == 2
    assert data(ax)[1][0][0] == wide[0]
    assert ax.lines[0].get_color() != ax.lines[1].get_color()
    ax = Figure().subplots()
    ax.set_yscale("log")
    assert surrogates.plot(StraightThrough(), ax=ax).get_ylim()[0] > 0


def test_values_of_a_parameter_are_a_line_each():
    ax = plot(Sigmoid(), alpha=[1, 4.0, np.float64(16)])
    assert labels(ax) == ["Sigmoid(alpha=1)", "Sigmoid(alpha=4)", "Sigmoid(alpha=16)"]
    assert [np.max(y) for _, y in data(ax)] == [0.25, 1.0, 4.0]
    ax = plot(Scaled(Sigmoid(), amplitude=2.0), alpha=[1.0, 2.0])
    assert labels(ax) == [f"Scaled(Sigmoid(alpha={a}), amplitude=2)" for a in (1, 2)]
    ax = plot(ReluGrad(), alpha=[1.0, 2.0], width=[1.0, 0.5])
    assert labels(ax)[1:3] == ["ReluGrad(alpha=1, width=0.5)", "ReluGrad(alpha=2, width=1)"]
    assert len(plot(surrogates.SquarewaveFourierSeries(), n=[1, 2]).lines) == 2
    ax = plot(Mixture((Sigmoid(1.0), Sigmoid(4.0)), (0.5, 0.5)), **{"surrogates.1.alpha": [8.0]})
    assert labels(ax) == ["Mixture((Sigmoid(alpha=1), Sigmoid(alpha=8)), (0.5, 0.5))"]


def test_array_in_a_parameter_is_a_line_for_each_value(kind):
    alpha = kind.array(np.asarray([[1.0], [4.0]]))
    for surrogate in (Sigmoid(alpha), surrogates.Relaxed(Scaled(Sigmoid(alpha)))):
        ax = plot(surrogate)
        assert len(ax.lines) == 2
        first, second = labels(ax)
        assert "alpha=1)" in first
        assert "alpha=4)" in second
        assert [np.max(y) for _, y in data(ax)] == [0.25, 1.0]
    weights = (kind.array(np.asarray([1.0, 0.25])), kind.array(np.asarray([0.0, 0.75])))
    first, second = data(plot(Mixture((Sigmoid(4.0), Sigmoid(4.0)), weights), Sigmoid(4.0)))[:2]
    np.testing.assert_allclose(first[1], second[1])


def test_learned_parameter_of_pytorch(torch):
    alpha = torch.nn.Parameter(torch.asarray([1.0, 4.0], dtype=torch.bfloat16))
    assert labels(plot(Sigmoid(alpha))) == ["Sigmoid(alpha=1)", "Sigmoid(alpha=4)"]


def test_legend_says_what_is_drawn():
    own = Custom(np.cos)
    ax = plot(Boxcar(1.0 / 3.0, at_threshold=0.5), own, Bump(), kind="derivative")
    assert labels(ax) == [
        "Boxcar(at_threshold=0.5, width=0.3333, height=1, closed='both')",
        "Custom(cos)",
        "Bump(beta=2)",
    ]
    ax = plot(Sigmoid(), ReluGrad(), kind="all")
    assert labels(ax)[:3] == [
        f"Sigmoid(alpha=4), {what}" for what in ("derivative", "primitive", "spike")
    ]
    assert [line.get_linestyle() for line in ax.lines] == ["-", "--", ":"] * 2
    colours = [line.get_color() for line in ax.lines]
    assert len({*colours[:3]}) == 1
    assert colours[0] != colours[3]


def test_many_lines_have_as_many_colours_and_a_legend_that_can_be_read():
    ax = plot(Sigmoid(np.linspace(1.0, 5.0, 30)))
    assert len({tuple(line.get_color()) for line in ax.lines}) == 30
    assert 6 <= len(labels(ax)) <= 12
    assert labels(ax)[0] == "Sigmoid(alpha=1)"


def test_heights_start_at_0():
    assert plot(StraightThrough()).get_ylim()[0] == 0
    assert plot(MultiGaussianGrad()).get_ylim()[0] < 0


def test_logarithmic_axis():
    ax = plot(Sigmoid(), log=True)
    assert ax.get_yscale() == "log"
    assert ax.get_ylim() == pytest.approx((1e-6, 2.0))
    assert not ax.get_ylabel().startswith("size")
    ax = plot(MultiGaussianGrad(), log=True)
    assert np.min(data(ax)[0][1]) > 0
    assert ax.get_ylabel().startswith("size of the derivative")


def test_new_axes_by_default_and_the_given_ones_otherwise(monkeypatch):
    import matplotlib
    from matplotlib import pyplot

    monkeypatch.setitem(matplotlib.rcParams, "backend", "agg")
    ax = surrogates.plot(Sigmoid())
    assert tuple(ax.figure.get_size_inches()) == (6.0, 3.8)
    pyplot.close(ax.figure)
    mine = Figure().subplots()
    assert surrogates.plot(Sigmoid(), ax=mine) is mine


def test_primitive_that_there_is_none_of():
    assert len(plot(Bump()).lines) == 1
    with pytest.raises(NotImplementedError, match="defines no primitive"):
        plot(Bump(), kind="both")


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: plot(), TypeError, "give one or more surrogates"),
        (lambda: plot(Sigmoid), TypeError, r"got the class Sigmoid; .* Sigmoid\(\)"),
        (lambda: plot([Sigmoid(), Sigmoid()]), TypeError, r"a list of 2; write plot\(\*surrog"),
        (lambda: plot(Sigmoid(), 3), TypeError, "expected a surrogate .* got 3"),
        (lambda: plot(Sigmoid(), kind="slope"), ValueError, "one of derivative, .* kind='slope'"),
        (
            lambda: plot(Sigmoid(), beta=[1.0]),
            ValueError,
            "no real-valued parameter 'beta'",
        ),
        (lambda: plot(Sigmoid(), alpha=[]), ValueError, "alpha must be one or more values"),
        (lambda: plot(Sigmoid(), alpha=[-1.0]), ValueError, "alpha must be a positive"),
        (lambda: plot(Sigmoid(), limits=(1.0, 0.0)), ValueError, r"in order, got limits=\(1.0, 0"),
        (
            lambda: plot(Mixture((Sigmoid(), Sigmoid()), (0.5, 0.5)), alpha=[1.0]),
            ValueError,
            r"has 2 parameters 'alpha'.*surrogates\.0\.alpha",
        ),
    ],
)
def test_what_cannot_be_drawn(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_command_writes_a_file(tmp_path, capsys):
    picture = tmp_path / "p.png"
    names = ["Sigmoid", "fast_sigmoid", "triangle", "test_plot:Bump"]
    assert main(["plot", *names, "--log", "--out", str(picture)]) == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["plot", "Sigmoid", "--kind", "all", "--out", str(tmp_path / "p.svg")]) == 0
    capsys.readouterr()
    for arguments, message in (
        (["superspike"], "'superspike' has 3 meanings"),
        (["Sigmoid", "--out", str(tmp_path / "p.xyz")], "must end in one of"),
        (["Sigmoid", "--out", str(tmp_path / "no" / "p.png")], "p.png"),
        (["test_plot:Figure"], "not a subclass of surrogates.Surrogate"),
    ):
        assert main(["plot", *arguments]) == 2
        assert message in capsys.readouterr().err


def test_error_where_matplotlib_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="with the extra 'plot'"):
        surrogates.plot(Sigmoid())
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["plot", "Sigmoid"]) == 2
    assert "with the extra 'plot'" in capsys.readouterr().err
