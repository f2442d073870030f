"""The spike in plain arithmetic: the rule by which its derivatives are those of the derivative."""

import math

import pytest

from surrogates.backends._arithmetic import _RADAU


@pytest.mark.parametrize("power", [1, 2, 3, 4])
def test_the_rule_integrates_every_power_up_to_the_fourth(power):
    # of the node at 0, whose weight is 1/9, no power is left
    total = sum(weight * node**power for node, weight in _RADAU)
    assert math.isclose(total, 1 / (power + 1), rel_tol=1e-15)
    assert math.isclose(sum(weight for _, weight in _RADAU), 8 / 9, rel_tol=1e-15)
