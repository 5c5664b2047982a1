"""What the doors for people say in the same words."""

from __future__ import annotations

from alphamini.arena.levels import Strength
from alphamini.interfaces.session import Session
from alphamini.search.search import proof_plies


def count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def proof_text(proof: int) -> str:
    """A proof in words; nothing where there is none."""
    if proof == 0:
        return ""
    plies = proof_plies(proof)
    return f"{'wins' if proof > 0 else 'loses'} in {count(plies, 'ply', 'plies')}" if plies else "draw"


def strength_text(strength: Strength) -> str:
    drawn = f", moves drawn at temperature {strength.temperature:g}" if strength.temperature else ""
    return f"{_a_move(strength.sims)}{drawn}"


def pace_text(session: Session) -> str:
    """How the engine comes to its moves."""
    if session.strength is not None:
        return strength_text(session.strength)
    return _a_move(session.sims) if session.sims is not None else f"{session.seconds:g} s a move"


def _a_move(sims: int) -> str:
    return f"{count(sims, 'simulation', 'simulations')} a move"
