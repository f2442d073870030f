"""slayerPytorch: what is read of it, since it needs a device."""

from __future__ import annotations

import numpy as np

from golden.facts import Facts

FACTS = Facts(
    read={
        "spikeLayer": lambda x, tauRho=1.0, scaleRho=1.0, theta=10.0: (  # noqa: N803
            scaleRho / (tauRho * theta) * np.exp(-abs(x) / (tauRho * theta))
        ),
    }
)
