"""Import every module of the installed package: `nox -s package` runs this next to the wheel alone.

A module may need a package that is not installed, of an extra; it may not miss one of ours.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import PurePosixPath

from surrogates import backends
from surrogates._modules import FRAMEWORKS

OPTIONAL = {"cupyx", "gmpy2", "matplotlib", "mpmath", "sklearn", "sympy", "tqdm"}
OPTIONAL |= {*backends._BUILT_IN, *FRAMEWORKS} - {"numpy"}

files = importlib.metadata.files("surrogate-gradients") or []
sources = [PurePosixPath(f) for f in files if f.suffix == ".py"]
names = [".".join(f.with_suffix("").parts).removesuffix(".__init__") for f in sources]
names = sorted(name for name in names if not name.endswith("__main__"))
assert {"surrogates", "surrogates.backends._numpy", "surrogates.libraries.norse"} <= {*names}
assert all(name.split(".")[0] == "surrogates" for name in names), names
missing = {}
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        missing[name] = error.name
needless = {"surrogates.backends._numpy", "surrogates._cli", "surrogates._vjp"} & {*missing}
assert not needless, needless
print(f"{len(names) - len(missing)} modules imported, {len(missing)} need an extra: {missing}")
