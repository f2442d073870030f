"""What the site is made with: formulas in LaTeX, curves in SVG, works that are cited, terms."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import surrogates
from surrogates.definitions import SURROGATES
from surrogates.libraries import LIBRARIES, names_of

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def extensions(monkeypatch):
    monkeypatch.syspath_prepend(DOCS / "_ext")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a / b / c", r"\frac{a}{b \, c}"),
        ("a - (b - c)", r"a - \left(b - c\right)"),
        ("-a * (b + c)", r"-a \, \left(b + c\right)"),
        ("a - -b", r"a - \left(-b\right)"),
        ("(a + b) / (c + d)", r"\frac{a + b}{c + d}"),
        ("2 * 3", r"2 \cdot 3"),
        ("(a * x)**2", r"{\left(a \, x\right)}^{2}"),
        ("a**(3 / 2)", "{a}^{3/2}"),
        ("exp(-alpha * abs(x))", r"e^{-\alpha \, \left|x\right|}"),
        ("exp(x / tau_rc)", r"\exp\left(\frac{x}{\tau_{\mathrm{rc}}}\right)"),
        ("p0 * log1p(grad_width)", r"p_0 \, \ln\left(1 + \mathrm{grad\_width}\right)"),
        ("where(x < 0, a, where(x <= 1, b, inf))",
         r"\begin{cases} a & \text{if } x < 0 \\ b & \text{if } x \le 1 \\ "
         r"\infty & \text{otherwise} \end{cases}"),
        ("2 * sum(cos(i), 1, n)", r"2 \, \sum_{i=1}^{n} \cos\left(i\right)"),
    ],
)  # fmt: skip
def test_a_formula_in_latex(text, expected):
    pytest.importorskip("mpmath")
    import textbook

    assert textbook.in_latex(text) == expected


@pytest.mark.parametrize("name", SURROGATES)
def test_every_formula_of_a_docstring_has_latex(name):
    pytest.importorskip("mpmath")
    import textbook

    for formula in ("g'(x)", "g(x)"):
        assert textbook.latex(SURROGATES[name], formula)


def test_a_function_without_latex_is_named():
    pytest.importorskip("mpmath")
    import textbook

    with pytest.raises(ValueError, match="gamma"):
        textbook.in_latex("gamma(x)")


def test_a_curve_is_cut_at_the_edge_and_broken_at_a_jump():
    pytest.importorskip("matplotlib")
    from pictures import Line, picture

    x = np.linspace(-1, 1, 2001)
    y = np.where(x < 0, 0.0, 5.0)
    y[1000] = np.nan
    svg = picture([Line("curve", x, y)], (-1, 1), (-1, 10), "a step", axes=False)
    data = re.search(r'class="curve" d="([^"]*)"', svg)[1]
    assert data.count("M") == 2
    numbers = np.asarray([float(n) for n in re.findall(r"-?[\d.]+", data)])
    assert len(numbers) <= 12  # straight lines need no points inside
    outside = picture([Line("curve", x, y)], (-1, 1), (-1, 1), "a step", axes=False)
    heights = [float(n) for n in re.findall(r" (-?[\d.]+)(?=L|M|\")", outside.split('curve" d')[1])]
    assert min(heights) >= 0


@pytest.mark.parametrize(
    ("surrogate", "shown"),
    [
        (surrogates.Sigmoid(1e4), "is smooth"),
        (surrogates.TanhOffset(), "is smooth"),
        (surrogates.SquarewaveFourierSeries(), "is smooth"),
        (surrogates.SoftSign(), "has a corner at *x* = 0"),
        (surrogates.ReluGrad(), "has a corner at *x* = 0, \N{MINUS SIGN}1 and 1"),
        (surrogates.HardTanhRamp(), "has a corner at *x* = \N{MINUS SIGN}0.01 and 0.01"),
        (surrogates.MultiSpikeSuper(), "has a corner at *x* = 0, 0.5, 1, 1.5 and on"),
        (surrogates.LogTailedRelu(), "jumps at *x* = 0 and has a corner at *x* = 1"),
        (surrogates.Dspike(), "jumps at *x* = \N{MINUS SIGN}0.5 and 0.5"),
    ],
)
def test_where_a_derivative_is_not_smooth(surrogate, shown):
    pytest.importorskip("mpmath")
    import measures

    assert measures.smoothness(surrogate) == f"the derivative {shown}"


def test_symmetry():
    pytest.importorskip("mpmath")
    import measures

    assert measures.symmetry(surrogates.SquarewaveFourierSeries()).startswith("symmetric")
    assert measures.symmetry(surrogates.GradedSlayer()) == "not symmetric"


def test_a_snippet_is_run_and_compared():
    import snippets

    sigmoid = surrogates.Sigmoid()
    code = snippets.SNIPPETS["NumPy"].format(call=repr(sigmoid))
    snippets.check("NumPy", textwrap.dedent(code), sigmoid)
    with pytest.raises(AssertionError, match=r"Sigmoid.* in NumPy"):
        snippets.check("NumPy", "gradient = [0.0, 0.0, 1.0, 0.0, 0.0]", sigmoid)


@pytest.mark.parametrize("name", SURROGATES)
def test_the_sources_of_a_surrogate_are_known(name):
    import sources

    text = " ".join(sources.section(SURROGATES[name]))
    assert text
    assert all(text.count(work["text"]) <= 1 for work in sources.WORKS)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_short_code_of_a_surrogate_means_the_same(library):
    pytest.importorskip("sphinx")
    import gallery

    entry = names_of(library)
    for name, maker in entry.makers.items():
        made = entry.surrogate(name, gallery.required(maker))
        assert eval(gallery.short(made), vars(surrogates)) == made


def test_the_sources_are_cut_from_a_docstring_and_nothing_else():
    pytest.importorskip("sphinx")
    import gallery

    lines = [
        "It is.",
        "",
        "References",
        "----------",
        "A book.",
        "",
        "Examples",
        "--------",
        ">>> 1",
    ]
    gallery.without_sources(None, "function", "surrogates.sigmoid", None, None, lines)
    assert lines == ["It is.", "", "Examples", "--------", ">>> 1"]


def test_every_work_is_cited():
    import sources

    assert sources.bibliography().count("\n- ") == len(sources.WORKS)


def test_the_command_line_stands_on_its_page(capsys):
    from surrogates._cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    commands = set(re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE))
    page = (DOCS / "reference/command-line.md").read_text()
    assert commands == set(re.findall(r"^```\{help\} (\w+)$", page, re.MULTILINE))


def test_every_public_name_is_asked_for_once():
    pytest.importorskip("mpmath")  # of surrogates.testing
    from public import public

    pages = "\n".join(p.read_text() for p in (DOCS / "reference/api").glob("*.md"))
    directive = r"^\.\. (?:auto(?:class|data|function)|py:data):: ([\w.]+)$(?:\n   :module: (.+)$)?"
    found = re.findall(directive, pages, re.MULTILINE)
    named = [
        f"{module}.{name}".removeprefix(".").removeprefix("surrogates.") for name, module in found
    ]
    # the gallery writes a page for each surrogate, with its functional form
    functions = {surrogates.definitions.function_name(cls) for cls in SURROGATES.values()}
    asked = {name.removeprefix("surrogates.") for name in public()} - {*SURROGATES} - functions
    assert sorted(named) == sorted(asked)


def test_a_link_out_of_docs_leads_to_the_page_of_the_site():
    pytest.importorskip("sphinx")
    from outside import on_the_site

    text = "[a](../../CONTRIBUTING.md#a-surrogate), [b](gain.md)"
    assert on_the_site(text, "howto/gain") == "[a](../contributing.md#a-surrogate), [b](gain.md)"
    assert on_the_site("[c](../README.md)", "maintaining") == "[c](index.md)"


def test_a_term_has_an_anchor():
    pytest.importorskip("sphinx")
    import terms

    assert {"density", "ulp", "pullback"} <= {*terms.terms(DOCS)}
    assert terms.terms(DOCS)["primitive"] == "term-primitive-function"
    assert terms.anchor("array API") == "term-array-api"


def test_a_signature_names_the_parameters():
    pytest.importorskip("sphinx")
    import signatures

    shown = signatures.shown(None, "class", "", surrogates.Sigmoid, None, "", "")
    assert shown == ("(alpha=4.0, *, at_threshold=1.0)", None)
    assert signatures.shown(None, "class", "", surrogates.Surrogate, None, "", "") == ("", None)
    assert signatures.shown(None, "class", "", surrogates.Diagnosis, None, "", "") is None


def test_a_block_of_code_ends_without_an_empty_line():
    nodes = pytest.importorskip("docutils.nodes")
    pytest.importorskip("sphinx")
    import blocks

    page = nodes.section("", nodes.literal_block(">>> 1\n1\n\n", ">>> 1\n1\n\n"))
    blocks.trim(None, page)
    assert page[0].astext() == page[0].rawsource == ">>> 1\n1"


@pytest.mark.parametrize(
    "several",
    [
        [surrogates.SquarewaveFourierSeries(t_period=period) for period in (8.0, 64.0)],
        [surrogates.ExpEscape(delta_u=rise) for rise in (0.133, 0.532)],
    ],
)
def test_what_has_no_end_is_drawn_over_the_range_of_the_default(several):
    pytest.importorskip("matplotlib")
    import drawings

    ends = [
        re.findall(r'class="middle"[^>]*>([^<]+)<', drawings.pictures_of(d, "it")[0][1])
        for d in (several[:1], several)
    ]
    assert ends[0] == ends[1] != []
