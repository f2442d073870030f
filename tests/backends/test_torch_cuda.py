"""PyTorch's gradient on CUDA, but for the launch: everything that needs no device.

Stand-ins take the place of jiterator's function; `test_torch_gpu.py` is about the real one.
"""

from __future__ import annotations

import inspect
import re
import threading
import warnings
from types import SimpleNamespace

import pytest

import cpp
import surrogates
from kinds import every_dtype, every_surrogate
from surrogates.backends._compiler.graph import WORKING
from surrogates.backends._compiler.kernel import gradient_functor
from surrogates.definitions import SURROGATES

torch = pytest.importorskip("torch")

from in_torch import every_float, nothing_launched  # noqa: E402
from surrogates.backends._torch import cuda, hook, program, state  # noqa: E402

S = surrogates.GaussianGrad(alpha=0.3)
X, V = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
DEVICE = torch.device("cpu")


@pytest.fixture
def device():
    with nothing_launched():
        yield


@pytest.fixture
def stand_in(device, monkeypatch):
    """Let jiterator return a function of ours; return the list of what it was called with."""

    def install(function):
        calls = []

        def create(text, **numbers):
            def launch(x, v):
                calls.append((x, v))
                return function(x, v)

            return launch

        monkeypatch.setattr(torch.cuda.jiterator, "_create_jit_fn", create)
        return calls

    return install


def right(x, v, surrogate=S):
    return v * surrogate.exact_grad(x)


EXAMINED = len([*cuda._samples(torch.float32, DEVICE)])


def test_the_first_use_is_examined_and_the_next_are_one_launch(stand_in):
    calls = stand_in(right)
    for uses in (1, 2, 3):
        assert torch.equal(cuda.gradient(S, X, V), right(X, V))
        assert len(calls) == EXAMINED + uses
        assert calls[-1] == (X, V)


def test_another_parameter_is_not_examined_anew(stand_in):
    calls = stand_in(lambda x, v: v * surrogate.exact_grad(x))
    for uses, alpha in enumerate((0.3, 0.4, 0.7), start=1):
        surrogate = surrogates.GaussianGrad(alpha=alpha)
        assert torch.equal(cuda.gradient(surrogate, X, V), right(X, V, surrogate))
        assert len(calls) == EXAMINED + uses


@every_float
def test_a_dtype_is_examined_by_itself(stand_in, dtype):
    calls = stand_in(right)
    cuda.gradient(S, X, V)
    cuda.gradient(S, X.to(dtype), V.to(dtype))
    assert len(calls) == (EXAMINED + 2 if dtype is torch.float32 else 2 * EXAMINED + 2)


def forgetting_nan(x, v):
    return right(x, v).nan_to_num()


def wrong_beyond_a_block(x, v):
    late = torch.arange(len(x)) > 1500
    return torch.where(late, 0.0, right(x, v))


def wrong_in_the_rest(x, v):
    result = right(x, v)
    result[-1] = 0
    return result


WRONG = {
    "a factor": lambda x, v: 1.001 * right(x, v),
    "the operands exchanged": lambda x, v: right(v, x),
    "the cotangent left out": lambda x, v: right(x, torch.ones_like(v)),
    "NaN lost": forgetting_nan,
    "the threshold": lambda x, v: torch.where(x == 0, 0.0, right(x, v)),
    "a tail": lambda x, v: torch.where(x.abs() > 1, 0.0, right(x, v)),
    "beyond a block": wrong_beyond_a_block,
    "the rest of the last block": wrong_in_the_rest,
    "strided": lambda x, v: right(x, v) if x.is_contiguous() else 0 * x,
    "unaligned": lambda x, v: right(x, v) if x.storage_offset() % 2 == 0 else 0 * x,
    "the dtype": lambda x, v: right(x, v).double(),
    "the shape": lambda x, v: right(x, v)[:1],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_what_differs_is_not_used_and_said_once(stand_in, wrong):
    calls = stand_in(wrong)
    with pytest.warns(
        RuntimeWarning, match=r"GaussianGrad\(.*alpha=0.3\) .* cpu .* differs"
    ) as warned:
        assert cuda.gradient(S, X, V) is None
    assert len(warned) == 1
    examined = len(calls)
    for alpha in (0.3, 0.4):  # the text of both is the same
        assert cuda.gradient(surrogates.GaussianGrad(alpha=alpha), X, V) is None
    assert len(calls) == examined


def raising(error):
    def function(x, v):
        raise error

    return function


ERRORS = [
    RuntimeError("CUDA driver error: invalid device image"),
    RuntimeError("int code;\n" * 500 + "nvrtc: error: failed to open libnvrtc-builtins.so.12.9"),
    AssertionError("Jiterator is only supported on CUDA and ROCm GPUs, none are available."),
    OSError("libnvrtc.so"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_raises_is_not_used_and_said_once(stand_in, error):
    calls = stand_in(raising(error))
    reason = re.escape(str(error)[-40:])
    with pytest.warns(
        RuntimeWarning, match=f"(?s)fails: {type(error).__name__}.*{reason}"
    ) as warned:
        assert cuda.gradient(S, X, V) is None
    assert len(warned) == 1
    assert len(str(warned[0].message)) < 700
    assert cuda.gradient(S, X, V) is None
    assert len(calls) == 1


def test_without_jiterator_the_plain_expression_is_taken(device, monkeypatch):
    monkeypatch.delattr(torch.cuda.jiterator, "_create_jit_fn")
    with pytest.warns(RuntimeWarning, match="_create_jit_fn"):
        assert cuda.gradient(S, X, V) is None


def test_what_pytorch_itself_raises_is_no_error(monkeypatch):
    """Here it has no CUDA, or the tensors are not there."""
    monkeypatch.setattr(cuda, "_verdicts", {})
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    cuda._kernel.cache_clear()
    with pytest.warns(RuntimeWarning, match="plain expression, which is slower: .* fails"):
        assert cuda.gradient(S, X, V) is None


def test_out_of_memory_is_not_held_against_a_kernel(stand_in):
    stand_in(raising(torch.OutOfMemoryError("CUDA out of memory")))
    with pytest.raises(torch.OutOfMemoryError):
        cuda.gradient(S, X, V)
    cuda._kernel.cache_clear()
    stand_in(right)
    assert torch.equal(cuda.gradient(S, X, V), right(X, V))


def test_nothing_is_compiled_while_a_graph_is_captured(stand_in, monkeypatch):
    calls = stand_in(right)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert cuda.gradient(S, X, V) is None
    assert not calls
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    cuda.gradient(S, X, V)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert torch.equal(cuda.gradient(S, X, V), right(X, V))  # it is compiled by now
    assert len(calls) == EXAMINED + 2


class OnDevice(torch.Tensor):
    """A tensor that says to be on a CUDA device."""

    number = 0

    @property
    def device(self):
        return torch.device("cuda", self.number)


class OnAnother(OnDevice):
    number = 1


def test_each_device_is_examined(stand_in, monkeypatch):
    samples = [*cuda._samples(torch.float32, DEVICE)]
    monkeypatch.setattr(cuda, "_samples", lambda dtype, device: asked.append(device) or samples)
    asked = []
    stand_in(lambda x, v: right(x, v) if len(asked) == 1 else raising(RuntimeError("sm_30"))(x, v))
    first, other = ((X.as_subclass(cls), V.as_subclass(cls)) for cls in (OnDevice, OnAnother))
    assert cuda.gradient(S, *first) is not None
    with pytest.warns(RuntimeWarning, match="on cuda:1 .* sm_30"):
        assert cuda.gradient(S, *other) is None
    assert asked == [torch.device("cuda", 0), torch.device("cuda", 1)]
    asked.pop()
    assert cuda.gradient(S, *first) is not None
    assert cuda.gradient(S, *other) is None
    assert cuda.gradient(S, first[0], other[1]) is None  # no kernel reaches both


def test_two_threads_examine_once(stand_in):
    begun, go_on = threading.Event(), threading.Event()

    def slow(x, v):
        begun.set()
        assert go_on.wait(10)
        return right(x, v)

    calls = stand_in(slow)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(cuda.gradient(S, X, V))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(calls) == EXAMINED + 2
    assert all(torch.equal(result, right(X, V)) for result in results)


def test_waiting_is_allowed_while_examining_and_then_as_before(stand_in, monkeypatch):
    modes = [2]  # of set_sync_debug_mode("error")
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: modes[-1])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)

    def watched(x, v):
        assert modes[-1] == ("default" if len(calls) <= EXAMINED else 2)
        return right(x, v)

    calls = stand_in(watched)
    assert cuda.gradient(S, X, V) is not None
    assert modes == [2, "default", 2]
    stand_in(raising(RuntimeError("no")))
    cuda._kernel.cache_clear()
    with pytest.warns(RuntimeWarning):
        cuda.gradient(S, X.double(), V.double())
    assert modes == [2, "default", 2, "default", 2]


def test_what_has_no_kernel_is_not_launched(stand_in):
    calls = stand_in(right)
    custom = surrogates.Custom(lambda x: x, lambda x: 1 + 0 * x)
    assert cuda.gradient(custom, X, V) is None
    assert cuda.gradient(S, X, V.double()) is None
    assert cuda.gradient(S, X.to(torch.float8_e5m2), V.to(torch.float8_e5m2)) is None
    assert not calls


@pytest.mark.parametrize("kept", [None, "float16", "bfloat16"])
@pytest.mark.parametrize("works", [True, False])
def test_backward_takes_the_kernel_or_the_plain_expression(stand_in, monkeypatch, kept, works):
    monkeypatch.setattr(hook, "gradient", lambda *given: cuda.gradient(*given[:3]))
    monkeypatch.setattr(hook.compressed, "gradient", cuda.gradient)
    calls = stand_in(right if works else raising(RuntimeError("no compiler")))
    surrogate = S if kept is None else surrogates.Compressed(S, kept)
    x = X.clone().requires_grad_()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        surrogate(x).backward(V)
    torch.testing.assert_close(x.grad, V * surrogate.surrogate_grad(X), rtol=1e-6, atol=1e-6)
    assert len(calls) == (EXAMINED + 1 if works else 1)
    assert len(warned) == (not works)


def test_tensors_on_cuda_are_sent_to_the_kernel(monkeypatch):
    monkeypatch.setattr(program.cuda, "gradient", lambda *arguments: arguments)
    x = SimpleNamespace(is_cuda=True)
    assert program.gradient(S, x, V) == (S, x, V, ())


def test_plain_tensors_on_cuda_have_the_keys_of_those_on_the_cpu():
    keys = torch._C.DispatchKey
    of_cpu = state._ordinary(keys.CPU, keys.AutocastCPU, keys.AutogradCPU)
    of_cuda = state._ordinary(keys.CUDA, keys.AutocastCUDA, keys.AutogradCUDA)
    assert {torch._C._dispatch_keys(X).raw_repr()} <= of_cpu
    with torch.inference_mode():
        assert {torch._C._dispatch_keys(torch.ones(1)).raw_repr()} <= of_cpu
    assert of_cuda.isdisjoint(of_cpu)
    assert of_cuda | of_cpu == state._ORDINARY


@every_surrogate
@every_dtype
def test_pytorch_reads_the_text(cls, dtype):
    from torch.cuda.jiterator import _CodeParser

    functor = gradient_functor(cls(), dtype)
    parsed = _CodeParser(functor.text)
    assert parsed.function_name == "surrogates_gradient"
    assert (parsed.template_params, parsed.return_type) == ("<typename T>", "T")
    names = ", ".join(f"T {name}" for name in ("x", "v", *functor.numbers))
    assert parsed.function_params == f"({names})"


def test_jiterator_is_called_as_it_wants_to_be():
    parameters = inspect.signature(torch.cuda.jiterator._create_jit_fn).parameters
    assert [p.kind.name for p in parameters.values()] == ["POSITIONAL_OR_KEYWORD", "VAR_KEYWORD"]
    kernel = cuda._kernel(S, torch.float32)
    assert kernel.launch.kernel_name == "surrogates_gradient"
    assert kernel.launch.code_string == kernel.source.text
    assert [*kernel.launch.kwargs_dict.items()] == [*kernel.source.numbers.items()]
    assert all(type(number) is float for number in kernel.launch.kwargs_dict.values())


WAYS = {"apart": cpp.APART, "contracted": cpp.CONTRACTED}


@pytest.fixture(scope="module", params=WAYS)
def by_cpp(request, tmp_path_factory):
    if request.param == "contracted" and not cpp.can_contract():
        pytest.skip("this processor has no fused multiply-add")
    dtypes = ("float32", "float64")
    functors = [gradient_functor(cls(), dtype) for cls in SURROGATES.values() for dtype in dtypes]
    return cpp.compiled(functors, tmp_path_factory.mktemp("cpp"), WAYS[request.param])


@every_surrogate
@every_float
@pytest.mark.long
def test_what_each_text_computes_passes(cls, dtype, by_cpp, device, monkeypatch):
    compute = by_cpp(gradient_functor(cls(), WORKING[str(dtype)[6:]]))

    def launch(x, v):
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        return torch.from_numpy(compute(x.to(wide).numpy(), v.to(wide).numpy())).to(dtype)

    monkeypatch.setattr(torch.cuda.jiterator, "_create_jit_fn", lambda text, **numbers: launch)
    assert cuda._fault(cls(), cuda._kernel(cls(), dtype), dtype, DEVICE) is None
