"""NengoDL: what is read of it, since it needs TensorFlow."""

from __future__ import annotations

import numpy as np

from golden.facts import Facts


def soft_lif_slope(x, sigma=1.0, tau_rc=0.02, tau_ref=0.002, amplitude=1.0):
    z = sigma * np.log1p(np.exp(x / sigma))
    rate = amplitude / (tau_ref + tau_rc * np.log1p(1 / z))
    return rate**2 / amplitude * tau_rc / (z + z**2) / (1 + np.exp(-x / sigma))


FACTS = Facts(read={"SoftLIFRate": soft_lif_slope})
