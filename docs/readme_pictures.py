"""Draw README's picture of all surrogates, light and dark: ``python docs/readme_pictures.py``."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))

from pictures import Line, picture  # noqa: E402

from surrogates._curves import curve, limits_of  # noqa: E402
from surrogates.definitions import SURROGATES  # noqa: E402

COLUMNS, WIDTH, HEIGHT, GAP, LABEL = 9, 96, 58, 6, 16
COLOURS = {
    "light": {"text": "#3b4048", "spike": "#b9bec6", "derivative": "#b34700"},
    "dark": {"text": "#c9d1d9", "spike": "#59606b", "derivative": "#ff9a4d"},
}


def drawing(colours: dict[str, str]) -> str:
    """Return the picture: the step, and the derivative scaled to the same height, of each."""
    rows = math.ceil(len(SURROGATES) / COLUMNS)
    across, down = WIDTH + GAP, HEIGHT + LABEL + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS * across} {rows * down}">'
        f"<title>The {len(SURROGATES)} surrogates: the step, and the derivative that training uses"
        "</title><style>path{fill:none;stroke-width:1.8;stroke-linejoin:round}.grid{stroke:none}"
        f".spike{{stroke:{colours['spike']};stroke-width:1.2}}"
        f".derivative{{stroke:{colours['derivative']}}}"
        f"text{{font:8px system-ui,sans-serif;fill:{colours['text']};text-anchor:middle}}</style>"
    ]
    for place, (name, cls) in enumerate(SURROGATES.items()):
        left, top = place % COLUMNS * across, place // COLUMNS * down
        surrogate = cls()
        limits = limits_of([surrogate], False)
        x, y = curve(surrogate, "derivative", *limits)
        y = y / float(np.nanmax(np.abs(y)))
        lines = [Line("spike", *curve(surrogate, "spike", *limits)), Line("derivative", x, y)]
        up = (min(-0.1, 1.1 * float(np.nanmin(y))), 1.12)
        svg = picture(lines, limits, up, name, size=(WIDTH, HEIGHT), axes=False)
        svg = svg.replace('class="curves" role="img"', f'x="{left}" y="{top}"')
        parts.append(svg.replace(f"<title>{name}</title>", ""))
        label = f'<text x="{left + WIDTH / 2}" y="{top + HEIGHT + 9}">{name}</text>'
        parts.append(label)
    return "".join([*parts, "</svg>\n"])


def main() -> None:
    """Write both."""
    for name, colours in COLOURS.items():
        (DOCS / f"surrogates-{name}.svg").write_text(drawing(colours))


if __name__ == "__main__":
    main()
