"""Objects of the real libraries are translated as their names are."""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from surrogates import from_library
from surrogates.libraries import names_of

GOLDEN = Path(__file__).parents[1] / "golden" / "peers.json"
X = np.linspace(-2.5, 2.5, 82)  # off the edges, where the last bit would decide
RECORDS = [
    record
    for record in json.loads(GOLDEN.read_text())["records"]
    if names_of(record["library"]).module and record["library"] != "norse"
    # braintools' functions of x make no object
    if not (record["library"] == "braintools" and record["name"].islower())
]


@pytest.mark.parametrize("library", sorted({record["library"] for record in RECORDS}))
def test_an_object_is_translated_as_its_name(library):
    sys.modules.setdefault("samna", None)  # it would install itself from another index
    entry = names_of(library)
    pytest.importorskip(entry.package)
    module = importlib.import_module(entry.module)
    warnings.simplefilter("ignore")
    for record in RECORDS:
        if record["library"] == library:
            name, arguments = record["name"], record["arguments"]
            own = {key: arguments[key] for key in arguments if key not in entry.of_layer}
            of_layer = {key: arguments[key] for key in arguments if key in entry.of_layer}
            thing = getattr(module, name)(**own)
            found = from_library(library, thing, **of_layer)
            expected = from_library(library, name, **arguments)
            assert type(found) is type(expected)
            slopes = found.surrogate_grad(X), expected.surrogate_grad(X)
            np.testing.assert_allclose(*slopes, rtol=1e-14, atol=1e-300)


def test_objects_of_a_library_are_refused_by_another():
    surrogate = pytest.importorskip("spikingjelly.activation_based.surrogate")
    with pytest.raises(TypeError, match=r"object of braintools, got ATan\(alpha=2.0"):
        from_library("braintools", surrogate.ATan(2.0))
