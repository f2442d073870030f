"""Mutation testing: break the code in small ways, and see whether a test notices.

``python -m nox -s mutants -- --sample 200`` tries 200 mutants, drawn by ``--seed``; without
``--sample`` all of them. What was tried is remembered in ``.mutants``, so that a run can be cut off
and taken up again. Survivors that change nothing stand in `explained.toml`, each with its reason.

Kept tools do not cope here. mutmut copies the package and calls each function through a trampoline
that is chosen by an environment variable: Dynamo traces the trampoline, and the link
``src/surrogates/backends`` becomes a second copy. cosmic-ray starts a new process for each mutant,
which imports PyTorch and JAX anew, and runs one command for all of them, whatever line was changed.
"""
