"""A recipe: everything that decides what a run learns. It is saved with the run, and a resume insists on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Annotated, Any, get_type_hints

from alphamini.learn.actor import SelfPlayConfig
from alphamini.learn.teachers import has_teacher
from alphamini.model.config import default_size
from alphamini.model.engines import PRECISIONS
from games import Game, get

MOST = 10**9  # the largest value of a number in a recipe; smaller where memory or time would not last:
MOST_OF = {
    "blocks": 100,
    "channels": 2048,
    "games": 65_536,
    "batch": 65_536,
    "scripted_games": 10**7,
    "window_most": 10**8,
}
LONG = 128  # plies: of longer games fewer are played at once, so that the first ones end soon


@dataclass(frozen=True)
class TrainConfig:
    """The optimisers' constants: Muon's for convolutions and AdamW's for the rest."""

    batch: Annotated[int, "samples a training step"] = 256
    learning_rate: Annotated[float, "during self-play"] = 2e-3
    weight_decay: Annotated[float, "share of the weights, times the rate, that each step takes off"] = 1e-4
    average: Annotated[float, "share of itself that the averaged net keeps at every step"] = 0.995


@dataclass(frozen=True)
class Recipe:
    """Options of `selfplay` and `pretrain`; `for_game` gives each game its defaults."""

    game: Annotated[str, "the game, e.g. gomoku9"]
    seed: Annotated[int, "of every random stream"] = 0
    blocks: Annotated[int, "residual blocks of the net"] = 6
    channels: Annotated[int, "channels of the net"] = 48
    precision: Annotated[str, "of inference: auto, fp32, bf16 or int8"] = "auto"
    scripted_games: Annotated[int, "games of the scripted teacher to learn from first"] = 20_000
    pretrain_steps: Annotated[int, "supervised training steps"] = 400
    pretrain_learning_rate: Annotated[float, "falling to a tenth over the supervised stage"] = 4e-3
    from_scratch: Annotated[bool, "no teacher: self-play alone (the AlphaGo Zero path)"] = False
    start: Annotated[
        str,
        "a net to go on from in place of the supervised stage, of this game or another size of it; "
        "grows where --blocks or --channels ask for more than it has",
    ] = ""
    iteration_moves: Annotated[int, "self-play moves between two rounds of training"] = 8192
    reuse: Annotated[float, "how often a sample is trained on, on average; those before the first training less"] = 6.0
    first_training: Annotated[int, "samples to collect before self-play's first training"] = 4000
    window_start: Annotated[int, "replay window: this many samples at first ..."] = 20_000
    window_power: Annotated[float, "... then growing with (all samples) ** this (KataGo: 0.65)"] = 0.65
    window_most: Annotated[int, "... up to this many"] = 300_000
    selfplay: SelfPlayConfig = field(default_factory=SelfPlayConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def window(self, samples: int) -> int:
        """How many of the newest samples to draw from when `samples` have come in all."""
        grown = self.window_start * max(samples / self.window_start, 1.0) ** self.window_power
        return min(int(grown), self.window_most)


def for_game(game: Game) -> Recipe:
    """The default recipe; a game that no teacher knows is learnt from scratch."""
    blocks, channels = default_size(game)
    recipe = Recipe(game=game.name, blocks=blocks, channels=channels, from_scratch=not has_teacher(game))
    if game.family == "tictactoe":
        # Its few lines are all to be seen: with the defaults of other games the net lost two of them (docs/learning.md).
        return replace(
            recipe,
            scripted_games=4000,
            pretrain_steps=200,
            iteration_moves=4096,
            first_training=1000,
            selfplay=replace(
                recipe.selfplay,
                opening_plies=3,
                opening_share=0.5,
                teacher_share=0.2,
                temperature=1.0,
                temperature_end=0.15,
            ),
        )
    if game.family == "connect4":
        return replace(recipe, reuse=4.0, selfplay=replace(recipe.selfplay, opening_plies=14))
    play = recipe.selfplay
    if game.family == "gomoku":
        play = replace(play, opening_plies=14)
    plies = min(play.opening_plies, max(1, game.max_plies // 4))
    games = play.games if game.max_plies <= LONG else play.games // 2
    return replace(recipe, selfplay=replace(play, opening_plies=plies, games=games))


SHARES = ("full_share", "harvest_share", "noise_share", "opening_share", "teacher_share", "average", "window_power")
MAY_BE_ZERO = ("seed", "opening_plies", "weight_decay", "noise_total", "temperature", "temperature_end")


LEAST_OF = {"scripted_games": 20}  # so that one game of them is held out


def check(recipe: Recipe) -> None:
    """ValueError, one line, for the first setting of a recipe that makes no sense."""
    _check_each(recipe)
    plies = get(recipe.game).max_plies
    if recipe.selfplay.opening_plies >= plies:  # an opening that ends the game is drawn again
        raise ValueError(f"--opening-plies must be below {plies}, the longest game of {recipe.game}")
    if recipe.selfplay.full_share == recipe.selfplay.harvest_share == 0:
        raise ValueError("--full-share and --harvest-share must not both be 0: there would be nothing to learn from")
    if recipe.first_training > recipe.window_most:  # training would wait for ever
        raise ValueError(f"--first-training must not be above --window-most, {recipe.window_most}")


def _check_each(recipe: Any) -> None:
    """The settings of a recipe, or of a part of it, by themselves."""
    for part in fields(recipe):
        name, value = part.name, getattr(recipe, part.name)
        flag = "--" + name.replace("_", "-")
        if is_dataclass(value):
            _check_each(value)
        elif name == "precision" and value not in PRECISIONS:
            raise ValueError(f"{flag} is one of {', '.join(PRECISIONS)}, not {value!r}")
        elif name in SHARES and not 0 <= value <= 1:
            raise ValueError(f"{flag} must be from 0 to 1, not {value}")
        elif isinstance(value, int | float) and not isinstance(value, bool) and name not in SHARES:
            low = LEAST_OF.get(name, 0 if name in MAY_BE_ZERO else 1 if isinstance(value, int) else 1e-9)
            most = MOST_OF.get(name, MOST)
            if value > most:
                raise ValueError(f"{flag} must be {most} or less, not {value}")
            if not value >= low:  # nan, too
                raise ValueError(f"{flag} must be {'above 0' if 0 < low <= 1 else f'{low} or more'}, not {value}")


def to_json(recipe: Recipe) -> dict[str, Any]:
    return asdict(recipe)


def from_json(data: dict[str, Any]) -> Recipe:
    """The inverse of `to_json`; ValueError, one line, for an unknown key or a value of the wrong type."""
    data = dict(data)
    for name, cls in (("selfplay", SelfPlayConfig), ("train", TrainConfig)):
        data[name] = _strict(cls, data.get(name, {}))
    recipe: Recipe = _strict(Recipe, data)
    return recipe


def _strict(cls: Any, data: dict[str, Any]) -> Any:
    kinds = get_type_hints(cls)
    for key, value in dict(data).items():
        if key not in kinds:
            raise ValueError(f"unknown setting {key!r}")
        if type(value) is not kinds[key] and not (kinds[key] is float and type(value) is int):
            raise ValueError(f"{key} must be of type {kinds[key].__name__}, not {value!r}")
    try:
        return cls(**data)
    except TypeError as error:
        raise ValueError(str(error)) from None
