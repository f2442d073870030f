"""The benchmark runs, on tiny sizes and without peers, and its page is what its data renders to."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench import (
    collect,
    contenders,
    inspections,
    measure,
    networks,
    pairs,
    plots,
    report,
    slow,
    summary,
    targets,
)
from bench.peers import OURS, PEERS
from bench.plan import TINY
from surrogates import Sigmoid, from_library

DOCS = Path(__file__).parents[2] / "docs/explanation"


def test_the_page_is_rendered_from_the_data():
    data = json.loads((DOCS / "benchmarks.json").read_text())
    assert (DOCS / "benchmarks.md").read_text() == report.page(data)


def test_what_is_missed_has_a_reason():
    data = json.loads((DOCS / "benchmarks.json").read_text())
    missed = [target.text for target in targets.targets(data) if target.misses]
    assert not [text for text in missed if not text.startswith((*targets.REASONS,))]


def test_the_page_of_residuals_quotes_the_networks():
    data = json.loads((DOCS / "benchmarks.json").read_text())
    networks_of = {w["framework"]: w["rows"] for w in data["workloads"] if w["hidden"] == 1024}
    text = (DOCS.parent / "howto/residuals.md").read_text()
    quoted = [row.replace("`", "").replace('"', "").split("|")[1:-1] for row in text.splitlines()]
    figures = {row[0].strip(): row[1:] for row in quoted if len(row) == 7}
    names = ("float16", "bfloat16", "uint8", "recomputed", "spikes as bits")
    for column, framework in ((0, "PyTorch eager"), (3, "JAX, lax.scan")):
        for name in names:
            row = networks_of[framework].get(f"plain neuron, ours, {name}")
            time, kept, error = (cell.strip() for cell in figures[name][column : column + 3])
            if row is None:
                assert (time, kept, error) == ("", "", "")
                continue
            assert (float(time), float(kept)) == (round(row["ratio"], 2), row["kept"])
            assert float(error or 0) == pytest.approx(row["error"], rel=0.1)


@pytest.mark.long
def test_every_race_runs_and_is_reported(tmp_path, torch, jax, monkeypatch):
    monkeypatch.setattr(gc, "collect", lambda: 0)  # of all that the worker's other tests left
    data = json.loads(json.dumps(collect.collect(TINY)))
    assert data["problems"] == {}
    assert data["texts"] == {"Sigmoid": {"forward and backward": True, "forward alone": True}}
    page = report.page(data)
    for text in ("## NumPy", "## PyTorch eager", "## JAX jit", "## JAX eager", "uint8", "no GPU"):
        assert text in page
    assert "The GPU rows last ran: not yet." in page
    (network,) = (w["rows"] for w in data["workloads"] if w["framework"] == "PyTorch eager")
    for name in networks.SHARED:
        low, middle, high = network[name]["share"]
        assert low <= middle <= high < 1
    # A surrogate with the parameter of another kind has the same gradient to the weights.
    for variant in (networks.LEARNED, networks.CHANNELS):
        for rows in (workload["rows"] for workload in data["workloads"]):
            assert rows[f"{networks.OURS}, {variant}"]["error"] < 1e-6
    pytest.importorskip("matplotlib")
    for figure in plots.draw(data, tmp_path):
        assert figure.stat().st_size > 1000


def test_one_row_alone_is_measured_where_there_are_others(tmp_path):
    command = [sys.executable, "-m", "bench", "--only", "x", "--docs", str(tmp_path / "new")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr.startswith("--only: there is no ")
    assert run.stderr.count("\n") == 1


def test_what_a_run_did_not_measure_is_told():
    data = json.loads((DOCS / "benchmarks.json").read_text())
    for key in ("pairs", "guards", "compilations", "kept"):
        data.pop(key, None)
    for race in data["races"]:
        for entry in race["times"].values():
            entry.pop("slowest", None)
    page = report.page(data)
    lines = list(summary.lines(data))
    assert len(lines) == 10
    assert set(lines) < set(page.splitlines()[:15])
    for pair in pairs.PAIRS:
        assert f"- {pair.text}: not measured" in page
    assert slow.sentence(data).startswith("Not measured")


@pytest.mark.parametrize("pair", pairs.PAIRS, ids=lambda pair: pair.text)
def test_both_sides_of_a_pair_compute_the_same(pair):
    if not pairs.installed(pair):
        pytest.skip(f"{pair.framework} is not installed")
    if pair.framework == "PyTorch compiled":
        pytest.skip("compiles for ten seconds; the formulas are those of the eager pairs")
    for name in pair.surrogates:
        made = pair.make(name, 9)
        ours, against = (_flat(made[side]()) for side in ("ours", "against"))
        assert len(ours) == len(against) > 0
        for one, other in zip(ours, against, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def _flat(results) -> list[np.ndarray]:
    if isinstance(results, (tuple, list)):
        return [array for result in results for array in _flat(result)]
    return [np.asarray(getattr(results, "detach", lambda: results)())]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")
def test_guards_and_compilations_are_counted(torch):
    Sigmoid()(torch.ones(1))  # which makes PyTorch known
    counted = inspections.torch_kernels("Sigmoid")
    assert counted == {"forward": 1, "backward": 1, "recompilations": 0}
    guards = inspections.torch_guards("Sigmoid")
    assert guards["ours"] > guards["an autograd.Function by hand"] > 5
    assert [*inspections.torch_guards("ERF")] == ["ours"]  # by hand there is none
    assert inspections.torch_compilations("Sigmoid", values=1) == 1


def test_a_row_that_was_measured_again_is_replaced_and_a_new_one_added():
    entry = {"framework": "NumPy", "size": 1, "times": 1}
    old = {"races": [entry], "workloads": [], "launches": {}, "guards": {"ERF": 1}, "kept": {}}
    machine = {"gpu": "a GPU", "date": "today", "cpu": "one", "versions": {"torch": "2.13"}}
    again = [entry | {"times": 2}, entry | {"framework": "CuPy"}]
    launches = {"CuPy": {"ERF": {"ours": 2}}}
    new = {"races": again, "pairs": [entry], "workloads": [], "machine": machine}
    new |= {"launches": launches, "guards": {"ERF": 2}}
    data = collect.merged(old, new)
    assert data["races"] == again
    assert data["pairs"] == [entry]
    assert data["gpu"] == "a GPU, on today, with one; torch 2.13"
    assert data["launches"] == launches
    assert (data["guards"], data["kept"]) == ({"ERF": 2}, {})
    assert not collect.on_gpu_alone(new)
    assert collect.on_gpu_alone({"races": again[1:], "pairs": [], "workloads": []})


def test_what_was_measured_before_a_run_is_cut_off_is_kept(monkeypatch):
    def cut_off(labels):
        if len(said) == 2:
            raise KeyboardInterrupt
        return {"ours": {"median": 1.0}}

    said = []
    monkeypatch.setattr(collect, "_raced", lambda make, plan, labels: cut_off(labels))
    data = collect.collect(TINY, said.append, only="^NumPy Sigmoid")
    assert len(data["races"]) == 1
    assert data["launches"] == {}
    assert "guards" not in data
    assert said[-1].startswith("cut off")
    assert data["machine"]["cut off"]


def test_a_whole_run_keeps_the_rows_of_a_gpu_and_those_that_it_was_cut_off_from():
    def rows(*frameworks):
        return [{"framework": name, "times": len(frameworks)} for name in frameworks]

    old = {"races": rows("NumPy", "Dask", "CuPy"), "pairs": [], "workloads": rows("PyTorch eager")}
    old |= {"machine": {"date": "then"}, "launches": {"CuPy": {}}, "gpu": "a GPU", "memory": {}}

    def new(**more):
        data = {"races": rows("NumPy"), "pairs": [], "workloads": [], "launches": {"NumPy": {}}}
        return data | {"machine": {"date": "now", **more}}

    data = collect.completed(new(), old)
    assert [(e["framework"], e["times"]) for e in data["races"]] == [("NumPy", 1), ("CuPy", 3)]
    assert (data["workloads"], data["gpu"]) == ([], "a GPU")
    assert data["launches"] == {"CuPy": {}, "NumPy": {}}
    assert data["machine"] == {"date": "now"}
    assert "memory" not in data
    data = collect.completed(new(**{"cut off": True}), old)
    assert [e["framework"] for e in data["races"]] == ["NumPy", "Dask", "CuPy"]
    assert [e["framework"] for e in data["workloads"]] == ["PyTorch eager"]
    earlier = {"date": "then", "rows": ["networks in PyTorch eager", "surrogates in Dask"]}
    assert data["machine"] == {"date": "now", "earlier": earlier}
    assert "memory" in data


def test_rows_of_a_gpu_are_told_with_what_they_ran_on(monkeypatch, torch):
    def frameworks():
        yield "PyTorch CUDA", contenders.torch_eager, True

    monkeypatch.setattr(collect, "frameworks", frameworks)
    monkeypatch.setattr(collect, "_moving", lambda size: {"alpha": {"ours": None}})
    monkeypatch.setattr(collect.inspections, "launches", lambda run: 2)
    assert collect.launched(TINY, ["Sigmoid"], {"JAX CUDA"}) == {}
    launches = collect.launched(TINY, ["Sigmoid"], {"PyTorch CUDA"})
    assert launches["PyTorch CUDA"]["Sigmoid"]["ours"] == 2
    data = json.loads((DOCS / "benchmarks.json").read_text())
    data["races"] = [entry for entry in data["races"] if entry["framework"] not in collect.GPU]
    race = {"framework": "PyTorch CUDA", "surrogate": "Sigmoid", "dtype": "float32"}
    race |= {"size": 10**8, "threads": 1}
    times = {"ours": {"median": 1e-3, "low": 1e-3, "ratio": 1.0}, "floor": {"ratio": 0.9}}
    data["races"].append(race | {"times": times})
    page = report.page(data | {"launches": launches, "gpu": "a GPU, on today"})
    assert "The GPU rows last ran: a GPU, on today." in page
    assert "- PyTorch CUDA: not measured" not in page
    assert "- CuPy: not measured\n" in page  # there was a GPU
    assert "| PyTorch CUDA: share of the copy bandwidth, 1e8 | at least 0.85 | 0.9 |" in page
    assert "| PyTorch CUDA: kernels, forward and backward | at most 2 | 2 |" in page


def test_a_target_counts_what_is_beyond_its_limit():
    target = targets.Target("time", "at most 2", {"here": 1.0, "there": 3.0, "nowhere": None})
    assert (target.worst, target.misses) == ("there", 1)
    target = targets.Target("speed", "at least 2", {"here": 1.0, "there": 3.0})
    assert (target.worst, target.misses) == ("here", 1)


def test_slow_calls_are_listed_with_what_the_system_did():
    usual = {"seconds": 0.01, "system": 0.002, "faults": 5000.0}
    ours = {"median": 0.01, "low": 0.009, "usual": usual}
    slowest = {"seconds": 0.1, "system": 0.09, "faults": 5000.0}
    race = {"framework": "NumPy", "surrogate": "ERF", "dtype": "float32", "size": 10**7}
    race |= {"threads": 1, "times": {"ours": ours | {"slowest": slowest}}}
    data = {"races": [race]}
    assert "spent 90 ms in the system, with 5000 page faults" in slow.sentence(data)
    assert "2 ms, with 5000" in slow.sentence(data)
    (row,) = slow.table(data)
    assert row[1:] == ["9", "10", "100", "2", "90", "5000", "5000"]
    race["times"]["ours"]["slowest"] = usual
    assert not slow.outliers(data)


def test_a_surrogate_is_compared_in_the_same_neuron_and_variant():
    rows = dict.fromkeys(
        (
            "plain neuron, ours",
            "plain neuron, ours, learnable alpha",
            "plain neuron, by hand, learnable alpha",
            "plain neuron, snntorch atan",
            "plain neuron, straight-through",
            "other, its own",
        )
    )
    assert networks.rivals(rows) == {
        "plain neuron, ours": ["plain neuron, snntorch atan"],
        "plain neuron, ours, learnable alpha": ["plain neuron, by hand, learnable alpha"],
    }
    assert networks.cheapest("plain neuron, ours, bfloat16 autocast").endswith("autocast")
    assert networks.cheapest("other, its own") is None
    assert networks.cheapest(networks.CHEAPEST) is None


@pytest.mark.parametrize("name", OURS)
def test_peers_have_the_shape_that_they_are_raced_with(name):
    # Up to a factor and, for a family of one exponent, a scale of x, which cost nothing.
    for peer in PEERS[name]:
        translated = from_library(peer.library, peer.name, **peer.parameters)
        stretch = translated.width / OURS[name].width
        ours, theirs = OURS[name], translated
        for x in (0.1, 0.7, 1.3):
            expected = ours.surrogate_grad(x) / ours.peak
            assert theirs.surrogate_grad(x * stretch) / theirs.peak == pytest.approx(expected)


def test_rounds_are_interleaved_and_ratios_are_within_rounds():
    calls = []
    contenders = {name: lambda name=name: calls.append(name) for name in "ab"}
    result = measure.race(contenders, seconds=0.0, fewest=4)
    assert [entry["rounds"] for entry in result.values()] == [4, 4]
    if measure.usage() is not None:
        assert result["a"]["slowest"]["seconds"] >= result["a"]["median"]
    doubled = {"samples": [2.0, 4.0, 90.0]}
    assert measure.ratio(doubled, {"samples": [1.0, 2.0, 3.0]}) == 2.0
    assert {"a", "b"} == set(calls)


def test_a_first_call_that_compiles_does_not_decide_how_often_to_call():
    calls = []

    def run():
        if not calls:
            time.sleep(1.01)
        calls.append(1)

    result = measure.race({"ours": run}, seconds=0.0, fewest=2)
    assert len(calls) > 100
    assert result["ours"]["median"] < 0.1
