"""Fuzzing: generated surrogates, wrappers, parameters, arrays and paths against stated laws.

``python -m nox -s fuzz -- --examples 100000`` draws that many cases. Those that break a law are
made as small as possible and saved in `examples`, one file each; the normal suite replays the
files, and draws a few hundred cases of its own (`test_fuzz.py`).
"""
