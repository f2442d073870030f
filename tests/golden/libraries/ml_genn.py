"""mlGeNN: what is read of it, since it needs a simulator."""

from __future__ import annotations

import numpy as np

from golden.facts import Facts

FACTS = Facts(
    read={
        "EPropCompiler": lambda x, v_thresh=1.0: (
            1 / v_thresh * 0.3 * np.maximum(0, 1 - abs(x / v_thresh))
        ),
    }
)
