"""Surrogates are invisible to distributed PyTorch: losses, gradients and what is communicated."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
if not torch.distributed.is_available():
    pytest.skip("PyTorch was built without torch.distributed", allow_module_level=True)

import distributed_networks  # noqa: E402

pytestmark = pytest.mark.distributed

SPIKES = [name for name in distributed_networks.SPIKES if name != "tanh"]


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """What two processes wrote."""
    folder = tmp_path_factory.mktemp("processes")
    torch.multiprocessing.spawn(distributed_networks.work, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("spike", distributed_networks.SPIKES)
@pytest.mark.parametrize("way", distributed_networks.WAYS)
def test_losses_and_gradients_are_those_of_one_process(way, spike, processes):
    found = set()
    for outcome in processes:
        trained = outcome[way, spike]
        if trained["loss"] is not None:
            found.add("loss")
            torch.testing.assert_close(trained["loss"], trained["loss alone"], rtol=1e-13, atol=0)
        for name, gradient in trained["gradients"].items():
            found.add(name)
            exact = trained["gradients alone"][name]
            assert exact.abs().max() > 1e-3
            torch.testing.assert_close(gradient, exact, rtol=1e-12, atol=1e-13)
    assert found == {"loss", *processes[0][way, spike]["gradients alone"]}


@pytest.mark.parametrize("spike", SPIKES)
@pytest.mark.parametrize("way", distributed_networks.WAYS)
def test_no_more_is_communicated_than_with_tanh(way, spike, processes):
    for outcome in processes:
        assert outcome[way, "tanh"]["counts"], "nothing was counted"
        assert outcome[way, spike]["counts"] == outcome[way, "tanh"]["counts"]


@pytest.mark.parametrize(
    ("alpha", "x", "gathers"),
    [("R", "S(0)", 0), ("S(0)", "S(1)", 0), ("S(0)", "S(0)", None)],
    ids=["alpha on each", "alpha split as x", "alpha split otherwise"],
)
def test_what_a_parameter_costs(alpha, x, gathers, processes):
    for outcome in processes:
        found = outcome["alpha", alpha, x]
        torch.testing.assert_close(found["gradient"], found["alone"], rtol=1e-13, atol=0)
        assert found["forward"] == 0  # the spikes do not depend on it
        if gathers is not None:
            assert found["all"] == gathers


def test_sample_of_a_dtensor_is_that_of_one_process(processes):
    for outcome in processes:
        found, (spikes, gradient) = outcome["sampled"]
        assert len(found) == 3
        assert 0 < spikes.mean() < 1
        for mine, slope in found.values():
            assert torch.equal(mine, spikes)
            torch.testing.assert_close(slope, gradient, rtol=1e-13, atol=0)
