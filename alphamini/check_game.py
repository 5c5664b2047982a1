"""`python -m alphamini.check_game path/to/mygame.py`: does a game keep to the contract that all else is built on?"""

from __future__ import annotations

import os
import sys
import tempfile

from alphamini.options import parser, run_command

BROKEN = 1  # the exit status when a check fails; 2 is for what cannot be checked at all


def main() -> None:
    options = parser("check_game", "Checks a game against the contract: exit status 0 if it holds, 1 if it does not.")
    options.add_argument("game", help="path/to/mygame.py, path/to/mygame.py:NAME, or the name of a game that ships")
    arguments = options.parse_args()
    # An index outside of an array is an error here and not a wild write. Kernels compiled so are slow: they stay out
    # of the cache of the other commands. numba reads both settings when it is imported, so games are imported later.
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": folder}
        broken = check(arguments.game)
    sys.exit(BROKEN if broken else 0)


def check(name: str) -> int:
    """Prints a line for every check; returns how many have failed."""
    from games import get
    from games.check import findings

    game = get(name, tried=False)
    height, width = game.shape
    print(
        f"{game.name}: {height} x {width} cells, {game.num_actions} actions, {len(game.action_symmetries)} symmetries, "
        f"{game.num_planes} planes, {game.dtype.itemsize} bytes a state"
    )
    broken = 0
    for finding in findings(game):
        verdict, text = ("BROKEN", finding.wrong) if finding.wrong else ("holds", finding.promise)
        print(f"{verdict:7}{finding.check:22}{text}", flush=True)
        broken += bool(finding.wrong)
    if not broken:
        print("The contract holds. That the rules are the right ones is for a slow second version to say.")
    return broken


if __name__ == "__main__":
    run_command(main)
