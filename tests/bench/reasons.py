"""By the beginning of a target: what was found to stand in its way, and what was tried."""

from __future__ import annotations

_RIVALS = (
    "Networks: on the CPU three rows lie above the upper quartile of the fastest other "
    "surrogate: spikingjelly's and sinabs's neurons of 1024, by less than 1 %, with quartiles "
    "that overlap, and a learned alpha in the compiled step, 385 ms where by hand takes 380: "
    "whether for its guards or by chance, three rounds do not tell. On a GPU a learned alpha "
    "takes 119 and 175 ms where by hand takes 96 and 123: see *PyTorch CUDA, learnable*. "
    "Networks of other libraries were not run there."
)

_COST = (
    "Cost of an element: up to 1e6 most races use again what was freed, and it fits the "
    "cache; from there on memory counts, and in one of NumPy at 1e6 already (that of Sigmoid, "
    "below). From 1e7 to 1e8 the lower quartiles fall, but for Sigmoid in NumPy, where they "
    "are flat, and QPseudoSpike in PyTorch, where they rise by 6 %. What was tried against "
    "new memory stands under *floor* and *plain*."
)
_STRIDED = (
    "Strided (every other element): neither NumPy nor PyTorch reads such memory in vectors; a "
    "mere copy takes three to six times as long as of contiguous memory, and there are three "
    "to read. Half of each cache line is not used: once memory is what counts, forward and "
    "backward move 32 bytes an element instead of 20, 1.6 times as many, so that the goal of 1.5 "
    "is below the floor. At 1e6, on another machine, two threads, Sigmoid, Arctan and "
    "InvSquareGrad took 1.5, 1.8 and 1.8 times contiguous in PyTorch, and 1.3, 1.9 and 1.6 in "
    "NumPy. Tried there: each block copied to the cache first, by PyTorch (1.7, 2.1, 2.0; in "
    "NumPy 1.3, 1.7, 1.7) or by NumPy for PyTorch (1.9, 2.4, 2.2), and pairs read as one number "
    "of 64 bits, for a stride of two only (1.5, 1.7, 1.6, a gain within the noise). Transposed "
    "costs up to a fifth in PyTorch, and nothing in NumPy."
)

REASONS = {
    "PyTorch eager: times the floor": (
        "PyTorch eager, floor: at 1e6 elements all arrays fit the cache, where the floor takes an "
        "eighth of a millisecond on two threads. An exponential takes twice that, and autograd's "
        "bookkeeping a third. At 1e7, where the results are new memory, the goal is met. Tried: "
        "fewer operations (2 to 5 for a gradient, from 4 to 7), blocks of 0.1 to 8 MiB (1 MiB a "
        "thread is best), huge pages for results of 2 to 32 MiB (no gain)."
    ),
    "PyTorch eager: fastest peer / ours, 1e7": (
        "PyTorch eager, 1e7: spikes and gradient are 80 MB of new memory. Ours took from 12 "
        "to 25 ms in repeated races with huge pages, which it asks for, and 28 to 32 ms "
        "without; the arithmetic alone takes 5 to 9 ms. Which races are slow changes from run "
        "to run: once, while programs ran that held much memory, most calls of one took 130 ms, "
        "nearly all of it in the system, and 14 when run again. What it did in slow calls "
        "stands under *Slow calls*."
    ),
    "PyTorch eager: fastest peer / ours, 1e6": (
        "PyTorch eager, 1e6: `InvSquareGrad` and `QPseudoSpike` divide once, by a square with the "
        "peak in it, in four passes. Tried: two divisions, a reciprocal and two products, a "
        "power: each takes longer, a pass more than a division. The row is one run; by the "
        "medians of three, which are the goal's (under *PyTorch eager*), it is met: 2.7 and more."
    ),
    "PyTorch eager: fastest peer / ours, up to 1e5": (
        "PyTorch eager, one element: autograd's bookkeeping is nearly all of it, the same for "
        "all: Sigmoid on two threads takes 4 % longer than norse's there, on one 2 % less, and "
        "from 1e3 on none is slower. Tried, and kept: an older form of Function, its `apply` "
        "without the look for transforms (a fifth), and a program that is found by identity."
    ),
    "PyTorch compiled: guards": (
        "PyTorch compiled, guards: Dynamo checks each name that a formula reads. Tried, and kept: "
        "what stands under *fixed*, which took Arctan from 67 to 56 and Sigmoid from 59 to 49."
    ),
    "PyTorch compiled: learnable": (
        "PyTorch compiled, learnable, 1e4: the kernels are the one-liner's, and guards were most "
        "of the rest: 229 to 234 of them, 7.6 to 7.8 µs a check in a tight loop (the one-liner's "
        "22 to 25 take 1.3 to 1.4). Since this was measured Dynamo puts what a `learnable` of "
        "single numbers computes into its graph unread: 50 guards, 2.1 µs. In two runs one after "
        "the other, on one thread under other load, Sigmoid took 1.28 before and 1.07 since, "
        "Arctan 1.22 and 1.03 (medians of 530 to 1,400 rounds)."
    ),
    "PyTorch compiled: fixed": (
        "PyTorch compiled, fixed: guards, of which a formula has more than a Function that keeps "
        "all in its closure. Without them "
        "(`torch.compiler.set_stance(skip_guard_eval_unsafe=True)`) ours takes 1.01 at 1 and 1e3 "
        "elements. Tried, and kept: the derivative called by itself and an older form of "
        "Function, of fewer methods (59 guards to 52 for Sigmoid, 67 to 60 for Arctan), then one "
        "function that Dynamo does not read for three that it did (49 and 58; later 56). A check "
        "takes 2.4 and 2.7 µs in a tight loop, from 2.7 and 2.9, and 1.5 and 1.6 by hand; between "
        "kernels, where caches are cold, the difference is 3 to 4 µs of a call of 100. At 1 and "
        "1e3 elements medians of 840 to 2,400 rounds were 1.05, 1.05, 1.06 and 1.07 before, and "
        "1.04 to 1.05 with these; the rows here, of fewer rounds and with these, say 1.04 to 1.06 "
        "(1.05 to 1.07 in a run before). At 1e5 Sigmoid takes 1.05 to 1.11, without guards too: "
        "its kernel has a size and a difference more, which keep the digits of the tail. Arctan's "
        "1.05 to 1.06 there is 7 to 10 µs, of which guards are 3 to 4; the rest was not measured "
        "apart."
    ),
    "PyTorch compiled: fastest peer": (
        "PyTorch compiled: the kernels are one each, as the peers'. A call on 1e3 elements takes "
        "up to 8 µs more. Dynamo's guards are part of that (counted below): without them ours "
        "takes 1.01 of a Function by hand, as what is said of *fixed* tells, with what was tried. "
        "At 1e5 elements Arctan, ReluGrad and InvSquareGrad take 10 µs more (6 %), which guards "
        "alone do not explain; the rest was not measured apart. Sigmoid takes 10 and 12 % longer "
        "at 1e5 and 1e6, for the digits of its tail. `GaussianGrad` and `ERF` limit x before they "
        "square it, which keeps second derivatives from inf * 0: without that they take 0.92 of "
        "the time at 1e5 elements and 0.86 to 0.89 at 1e6, as their peers do. Programs of eager "
        "PyTorch leave it out, since nothing differentiates them; what PyTorch compiles may be "
        "differentiated again."
    ),
    "PyTorch eager: learnable alpha": (
        "PyTorch eager, learnable: at 1e4 elements Sigmoid takes 1.3 to 1.5, Arctan 1.1 to 1.3 "
        "and InvSquareGrad 1.4 to 1.6 of a Function by hand (at 1e5 0.8, 0.6 and 0.7). Of 84 µs "
        "at 100 elements, in an earlier run by itself (the rows have 121 and 124), autograd and "
        "the module take 45, the two gradients 20, checks, bounds and new tensors the rest. The "
        "area of InvSquareGrad takes nine passes more. Tried: the area's derivative as a program "
        "(2.6), sums of both branches for `torch.where` (which took 33 µs of 1e4 random signs, a "
        "product 2), and a sum that is read once for the check and the gradient. `torch.dot` "
        "would save 2 µs, but sums less exactly; one program for both gradients of InvSquareGrad "
        "4 µs of 40, and Sigmoid and Arctan have nothing to share. The program of a number "
        "instead of that of a tensor saves Arctan 5 µs, and takes 3 to find; Sigmoid 3, and 3."
    ),
    "PyTorch eager: another alpha": (
        "PyTorch eager, another alpha: 1.4 to 1.9. Nothing is compiled. In a tight loop making "
        "the surrogate and finding its program take 14 µs (17 before its numbers were taken out "
        "with one copy, and a constant made without looking its dtype up). Between the kernels of "
        "a call, which takes 60 to 75 with a constant alpha, each takes two to three times that: "
        "making it 12, taking the numbers out 4, the look-up by hash and equality 6, the "
        "constants 13 (a tensor 4 of them). Tried: leaving out what was folded for nothing (3 µs "
        "for Arctan), fewer copies (1.4 µs), numbers instead of tensors for constants (a product "
        "takes 1.4 µs more), a cache of 8 definitions instead of 256 (no gain)."
    ),
    "PyTorch eager: per-channel": (
        "PyTorch eager, per-channel: Sigmoid takes 1.06 to 1.27 from run to run, and Arctan 1.18 "
        "to 1.5. (Once, after other races, Arctan took 3.7: there its call had 480 page faults and "
        "was 1.0 of 1.4 ms in the system, while that of the number used again what was freed.) Of "
        "Arctan two passes are left where alpha is a number, since its constants "
        "fold, and three where it is an array: on one thread the passes take 1.36 of the two "
        "(1.84 before a product and a sum became one). Tried: squaring x first (no gain), and "
        "both sides of the fraction divided by the square of the parameter, which takes two "
        "passes, as long as those of a number, but is NaN where that square is 0 or infinite "
        "(below 1e-19 in float32), so that each call would have to look. No operation of PyTorch "
        "has the four operands that two passes of the formula would need."
    ),
    "JAX eager: another alpha": (
        "JAX eager, another alpha: nothing is compiled. Beside other programs, 1.10 to 1.14 "
        "(1.18 to 1.21 before the backward handed a number over as it is, of which it had made an "
        "array). Making the surrogate takes 5 µs, and a number that is an argument 4."
    ),
    "Dask: per-channel": (
        "Dask: Sigmoid 0.97, Arctan 1.02 under other load (1.11 before a parameter that no "
        "chunk cuts was handed to each block as it is, without a graph of its own, and NumPy's "
        "program took a pass less). Of 10 ms to 20 ms for two chunks, building the graph takes 0.9 "
        "(1.2 before), and by hand 0.6."
    ),
    "NumPy: `pullback": (
        "NumPy, `out=`: Sigmoid takes 0.37 to 0.40, Arctan 0.67 to 0.70: spikes and derivative "
        "are new memory still, and plain spends less on Arctan's arithmetic. Two copies to new "
        "memory and a product, without any formula, take 0.42. Of Arctan's 20.6 ms in a run by "
        "itself (plain takes 31), new memory takes 7, the formula's four passes in the cache 5.7, "
        "the product 3.8 and the comparison 3.3. Tried: spikes and derivative of a block together "
        "(0.66), memory of both asked of the system at once (0.72), the comparison in blocks of "
        "its own (0.68), the derivative in pieces of 1 MiB (1.4), blocks of 32 KiB to 2 MiB (no "
        "gain). Where the derivative's memory is kept from call to call it takes 0.54, and "
        "without any new memory 0.44; both hold back as much memory as `x` has."
    ),
    "NumPy: a small call": (
        "NumPy, small calls: with all libraries loaded and PyTorch's compiler used, "
        "`surrogate_grad` takes 3.5 to 3.8 (Arctan) and 4.6 to 5.0 µs (Sigmoid) from run to run, "
        "`vjp` with its pullback 5.7 to 6.2 and 6.8 to 7.4, so that Arctan's is near the goal and "
        "Sigmoid's up to a quarter above; in a process of its own 3.1, 4.1, 5.2 and 6.3. The "
        "printed formulas take 2.4 and 4.8, and 3.8 and 6.2 (alone 2.2 and 4.3, and 3.4 and 5.6), "
        "so that for Sigmoid's `vjp` the goal is less than plain takes. Before this was looked "
        "into ours took 6.2, 7.6, 9.3 and 10.4. 1.2 µs of that were hash and equality of the "
        "surrogate, where an equal one had been evaluated first, as one is here for each peer; "
        "now the plan is found by identity. 0.25 more are NumPy's settings of warnings, which are "
        "a context variable, where PyTorch's compiler sets many. Where Sigmoid takes 6.8, the "
        "settings take 0.75, eight operations 2.3, spikes and product 0.9. Tried: no settings "
        "(5.9, but it would warn), a context kept for each thread (6.0, but it raises where a "
        "signal handler enters it again), NumPy's private setter (6.5), a plan kept on the "
        "surrogate (0.2 less, but it would outlast an attribute that is changed)."
    ),
    "PyTorch eager: fastest peer / ours, 1e6, the others": (
        "PyTorch eager, 1e6, Sigmoid: 2.2 to 2.4 from run to run, on one thread and on two."
    ),
    "networks: the surrogate's share": (
        "Networks, share: on the CPU a fixed surrogate is within the goal everywhere. A learned "
        "alpha takes 6.9 and 3.5 % of an eager step of 512 and 1024 neurons, where a Function by "
        "hand takes 12 and 4.2, and 6.8 and 3.1 % in JAX, where the one-liner takes 14 and 15; "
        "alpha for each channel 4.0 and 5.6 % (eager) and up to 4.6 % (JAX), for what an array "
        "adds to a pass. Of three rounds, the quartiles of a share are up to 14 points apart. "
        "What was tried stands under *learnable* and *per-channel*. On a GPU a fixed surrogate "
        "takes 22 and 19 % of an eager step, a learned alpha 53 and 58, one for each channel 36 "
        "and 30, and autocast 15 and 19: there a launch takes longer than a kernel, so that it is "
        "their number that counts: the step with the cheapest surrogate takes 58 and 73 ms. Ours "
        "launch one kernel forward and one backward; a Function by hand for a learned alpha takes "
        "44 and 40 %. No tries there are on record."
    ),
    "PyTorch CUDA: learnable": (
        "PyTorch CUDA, learnable: at these sizes what the processor does is all there is, 428 to "
        "861 µs in these rows where a Function by hand takes 292 to 553, and some 520 and 255 in "
        "another run. A profile has it in many places: two kernels, a sum, what limits the "
        "parameter to its range (`clip`, `exp`, a comparison, a choice and a product, each "
        "launched, so that nothing waits), and what finds out that nothing observes the tensors. "
        "No way to mend it was tried yet; the first would be that the kernels take the unbounded "
        "number."
    ),
    "PyTorch CUDA: per-channel": (
        "PyTorch CUDA, per channel: 1.3 to 1.6 from run to run, all of it work of the processor: "
        "called many times in a row, alpha for each channel takes 672 µs of 1e8 elements where a "
        "number takes 667. No tries are on record."
    ),
    "CuPy: share": (
        "CuPy, bandwidth: `vjp` writes the derivative in its first kernel and reads it in the "
        "second, 24 bytes an element where the floor moves 20, so that 0.83 is the most there is, "
        "as long as the derivative is what is kept, so that `x` may be edited. No tries are on "
        "record. A floor that takes new memory as ours does takes 0.98 of our time."
    ),
    "JAX jit: learnable": (
        "JAX jit, learnable, time on one core: Sigmoid takes 1.13 at 1e4 and 1.08 at 1e6 (1.27 and "
        "1.18 before its gradient to alpha was taken from that to x), Arctan 0.15 to 0.23, "
        "SlayerGrad 1.02 and 0.74. Since then the parameter divides once, not each element: 0.95 "
        "of that at 1e4, 0.84 to 0.94 at 1e6. Tried: differentiating the area; the short form for "
        "areas that scale, too (a tenth slower); the short form without a rule of its own, whose "
        "second derivatives would be others."
    ),
    "JAX jit: ours": (
        "JAX jit: the compiled texts of both are equal, operation for operation (below), so that "
        "what differs is noise: it goes both ways, from 0.95 to 1.10. Where a peer is faster by a "
        "tenth or more from 1e5 on (Sigmoid at 1e5 and 1e6, GaussianGrad at 1e6), so is the "
        "printed formula (*plain*): ours has an operation more, for the digits of a tail or for "
        "second derivatives far out."
    ),
    "JAX eager: fastest peer": (
        "JAX eager: up to 1e3 elements `jax.vjp` of `jax.lax.sin`, one operation with a rule of "
        "JAX's own, takes three quarters of the time of spyx's surrogate: half of it is out of "
        "reach for whatever `jax.vjp` differentiates. Tried: a compiled derivative, a compiled "
        "spike whose linearization JAX remembers (as it is), and a linearization rule like that "
        "of sine, which could save a quarter at best but is private to JAX and changes its "
        "arguments from version to version. From 1e5 on the rows that are missed lack 0.2 to 3 %, "
        "and all but Sigmoid's at 1e7 lie within spyx's quartiles; spyx's computes product and "
        "derivative in one kernel there. braintools takes 2.7 to 6.3 times as long as ours."
    ),
    "NumPy: times the floor": (
        "NumPy, floor: the floor writes to arrays that exist, ours makes three: spikes, "
        "derivative and gradient. *floor, new memory* is the floor in arrays that are made anew. "
        "New memory comes page by page, in 1.6 µs for 4 KiB on this virtual machine. Sigmoid at "
        "1e6, 27 times the floor, is the one race of that size in float32 in which nearly all "
        "memory was new: 2,900 page faults a call, 4 of 7.6 ms in the system, and 3,140 in the "
        "printed formula, which takes longer still; the floor in new memory takes half as long as "
        "ours. What was tried against new memory stands under *plain*."
    ),
    "NumPy: plain / ours": (
        "NumPy, plain: spikes and gradient are new memory on both sides, and cost more than any "
        "arithmetic: three times is out of reach, even for one fused loop in C (1.7 to 2.5). "
        "`vjp` makes a third array, the derivative, so that `x` may be edited before the pullback "
        "is called; `pullback(cotangent, out=cotangent)` makes two. Tried: blocks of 0.1 to 4 "
        "MiB; spikes and derivative of a block together; one pool for all derivatives (a third "
        "faster at 1e5 and 1e6, but it holds memory back); an allocator told to keep what is "
        "freed (both sides gain). On small arrays what is not arithmetic takes 3 µs: checks, the "
        "look-up of the program, and NumPy's settings of warnings; it took 4.5 before small calls "
        "were looked into (below), and plain / ours up to 1e3 was 0.34 to 0.83, now 0.43 to 1.08; "
        "from 1e5 on what is missed is 0.4 to 8 %; where caches are cold, 10 of 110 µs at 1e5. "
        "Beyond the surrogates measured here: `StraightThrough` 0.5 (its derivative passes NaN "
        "on, so it is an array), `SoftLIF` 0.5 and `LogisticRamp` 0.7 (both tails keep their "
        "digits and slopes), `ExpEscape` 0.9. Tried: the printed formula of `LogisticRamp` in "
        "programs alone (0.9, but other bits than the plain expression, and 0 where a `scale` "
        "above 1 makes the derivative a normal number), two exponentials (no gain), and the "
        "larger of two instead of a choice by random signs (as it is, from 0.55)."
    ),
    "NumPy: ns an element": _COST,
    "PyTorch eager: ns an element": _COST,
    "NumPy: strided": _STRIDED,
    "PyTorch eager: strided": _STRIDED,
    "networks: fastest of the others": _RIVALS,
    "networks: upper quartile": _RIVALS,
}
