"""The text of a graph in JavaScript; nox -s docs-js runs it in Node, for every surrogate."""

from __future__ import annotations

import math

import pytest

from surrogates.backends._compiler.graph import FUNCTIONS, Trace
from surrogates.backends._compiler.javascript import IN_JAVASCRIPT, function_text


def test_every_operation_has_a_text():
    assert {*FUNCTIONS, "erfc", "sigmoid"} <= {*IN_JAVASCRIPT}


def test_inputs_are_javascript():
    trace = Trace("float64")
    text = function_text(trace.input("p.alpha") * abs(trace.input("x")), "x, p")
    assert text == (
        "(x, p) => {\n  const t2 = Math.abs(x);\n  const t3 = p.alpha * t2;\n  return t3;\n}"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (-0.0, "(-0.0)"),
        (-1e300, "(-1e+300)"),
        (True, "true"),
        (math.inf, "Infinity"),
        (-math.inf, "(-Infinity)"),
        (math.nan, "NaN"),
    ],
)
def test_constants(value, text):
    trace = Trace("float64")
    assert function_text(trace.node("constant", value), "x") == f"(x) => {text}"
