"""Entry point of ``python -m experiments``; requires the folder ``Training`` on the path."""

from __future__ import annotations

from .cli import main

if __name__ == "__main__":
    main()
