"""For libraries that do not fuse by themselves: a formula as a graph, a program, a kernel.

`graph` runs a definition on a symbol and records what it computes. Of that, `program` makes a
function that evaluates it in place, on a few buffers, and `kernel` the text of a CUDA kernel.
"""
