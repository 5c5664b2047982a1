"""What a conformance check raises."""

from __future__ import annotations


class Violation(Exception):
    """A game breaks the contract; the message says how, in one line."""


def require(holds: object, otherwise: str) -> None:
    """Raises Violation(`otherwise`) unless `holds` is true."""
    if not holds:
        raise Violation(otherwise)
