"""Licences of weights: which of them ask for no more than to be named, and what the others ask."""

from __future__ import annotations

import re

_PERMISSIVE = re.compile(r"(apache|mit|bsd|isc|cc0|public domain|unlicense|cc by( \d|$))(?![a-z])")


def is_permissive(licence: str) -> bool:
    """Return whether a licence asks for no more than to be named, so that it need not be shown first."""
    # Of several licences at once, as in "Apache-2.0 AND CC BY-NC 4.0", each must be.
    several = re.split(r"\bAND\b", licence, flags=re.IGNORECASE)
    return all(_PERMISSIVE.match(re.sub(r"[\s_-]+", " ", each).strip(" ()").lower()) for each in several)


def forbids_commerce(licence: str) -> bool:
    """Return whether a licence is a Creative Commons one that does not allow commercial use."""
    return re.search(r"\bNC\b", licence, re.IGNORECASE) is not None


def terms_of_use(name: str, licence: str) -> str:
    """Return in a sentence under which terms weights may be used.

    Args:
        name: What the weights are called.
        licence: Their licence.
    """
    use = ", which does not allow commercial use" if forbids_commerce(licence) else ""
    return f"{name} may be used under {licence}{use}."
