"""``python -m golden``, with ``tests`` on the path: see record.py."""

from __future__ import annotations

from .record import main

if __name__ == "__main__":
    main()
