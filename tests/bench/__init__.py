"""The benchmark: ``nox -s bench``, or ``python -m bench`` in this folder's parent."""
