"""Where the nets that ship with the project lie: in a clone, and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from alphamini.model.checkpoint import CheckpointError, same_family
from games import Game

_PACKAGE = Path(__file__).resolve().parent.parent
FOLDERS = (_PACKAGE / "checkpoints", _PACKAGE.parent / "checkpoints")  # in a wheel; in a clone


def shipped_checkpoint(game: Game) -> Path:
    """The shipped net for `game`, or of another size of its family; CheckpointError, one line, if there is none."""
    for folder in FOLDERS:
        exact = folder / f"{game.name}.safetensors"
        if exact.is_file():
            return exact
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.safetensors")):
            if same_family(path.stem, game):
                return path
    raise CheckpointError(f"no net ships for {game.name}: train one with selfplay, and name it with --checkpoint")
