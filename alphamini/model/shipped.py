"""Where the nets that ship with the project and their figures lie: in a clone, and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

from alphamini.model.checkpoint import CheckpointError, same_family
from games import Game, named

_PACKAGE = Path(__file__).resolve().parent.parent
FOLDERS = (_PACKAGE / "checkpoints", _PACKAGE.parent / "checkpoints")  # in a wheel; in a clone


def shipped_report(name: str) -> Path | None:
    """What `evaluate --thinking` found of the net that ships for the game of that name; None where none does."""
    paths = (folder / f"{name}.thinking.json" for folder in FOLDERS)
    return next((path for path in paths if path.is_file()), None)


def shipped_checkpoint(game: Game) -> Path:
    """The shipped net for `game`, or that of the nearest size of its family; CheckpointError, one line, if there is none."""

    def distance(path: Path) -> tuple[int, bool]:
        other = named(path.stem)
        return sum(abs(a - b) for a, b in zip(other.shape, game.shape, strict=True)), other.name != game.name

    nets = [path for folder in FOLDERS for path in sorted(folder.glob("*.safetensors")) if same_family(path.stem, game)]
    if not nets:
        raise CheckpointError(f"no net ships for {game.name}: train one with selfplay, and name its file")
    return min(nets, key=distance)
