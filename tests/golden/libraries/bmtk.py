"""BMTK: what is read of it, since it needs TensorFlow and a simulator."""

from __future__ import annotations

import numpy as np

from golden.facts import Facts

FACTS = Facts(
    read={
        "spike_function": lambda x, dampening_factor=0.3: (
            dampening_factor * np.maximum(1 - abs(x), 0)
        ),
        "spike_gauss": lambda x, sigma=0.5, amplitude=0.3: amplitude * np.exp(-(x**2) / sigma**2),
    }
)
