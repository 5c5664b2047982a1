"""`python -m alphamini.evaluate`: matches, Elo with intervals, sequential tests, Elo against thinking time, oracles."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

from alphamini import __version__
from alphamini.arena.command import CommandPlayer
from alphamini.arena.interrupt import interruptible
from alphamini.arena.openings import Book, choose_openings
from alphamini.arena.players import Player, make_players
from alphamini.arena.plotting import slope_text
from alphamini.arena.pool import Entry, Pool, play_pairs, play_test, table
from alphamini.arena.sequential import SequentialTest
from alphamini.arena.specs import parse_spec
from alphamini.arena.suite import SOLVED, Score, Suite, load_suite, score, solved_suite, suite_report, suite_table
from alphamini.arena.thinking import Net, levels_pool, thinking_pool
from alphamini.model.checkpoint import fingerprint, write_bytes
from alphamini.model.shipped import shipped_checkpoint
from alphamini.model.threads import cores
from alphamini.options import MAX_SIMS, add_fields, check_writable, parser, read_fields, run_command
from alphamini.revision import commit
from games import Game, get

DEFAULT_GAMES, TEST_GAMES = 100, 4000
Publish = Callable[[dict[str, Any], Sequence[str]], None]  # of a report and the lines to print


@dataclass(frozen=True)
class EvaluateOptions:
    """What `evaluate` takes besides the game."""

    player: Annotated[
        tuple[str, ...],
        "a player, several times: random, scripted@level=2, rollouts@sims=1000, net:PATH@sims=400, net:PATH@seconds=1, "
        "net@sims=1 (the shipped net's raw policy), net@level=-50 (weakened to that rating), "
        "command:pbrain-other@seconds=1 (another engine); the first is the anchor, with 0 Elo",
    ] = ()
    thinking: Annotated[str, "rate nets at these simulations a move instead, such as 1,2,4,8"] = ""
    levels: Annotated[
        bool, "rate a net's strengths for net@level=ELO, weak to strong; write them beside it: --out NET.json"
    ] = False
    checkpoint: Annotated[
        tuple[str, ...],
        "for --thinking, one for --levels: PATH or NAME=PATH, a curve each, in the order of their training "
        "(default: the shipped net)",
    ] = ()
    suite: Annotated[
        str,
        "score the players on a file of positions with known answers, or on those of a small game that are "
        "solved on the spot ('solved'); with --thinking: besides their games",
    ] = ""
    games: Annotated[int | None, "games a pair of players, an even number (default: 100; with --sprt at most 4000)"] = (
        None
    )
    openings: Annotated[
        str,
        "book (the shipped one), a number of random plies, or a book's file; auto: the book where one ships, "
        "else random plies by the game",
    ] = "auto"
    sprt: Annotated[bool, "play until a sequential test knows whether the first player is stronger"] = False
    test: SequentialTest = field(default_factory=SequentialTest)
    seed: Annotated[int, "of the openings and the players"] = 0


def main() -> None:
    options = parser("evaluate", "Plays matches with paired openings and swapped seats, and rates the players.")
    options.add_argument("--game", required=True, help="the game, or a file of your own: path/to/mygame.py")
    options.add_argument("--out", type=Path, metavar="FILE.json", help="write what was found here")
    add_fields(options, EvaluateOptions())
    arguments = options.parse_args()
    for name in asdict(SequentialTest()):
        if hasattr(arguments, name) and not arguments.sprt:
            raise ValueError(f"--{name} goes with --sprt")
    evaluate(get(arguments.game), read_fields(EvaluateOptions(), arguments), arguments.out)


def evaluate(game: Game, options: EvaluateOptions, out: Path | None) -> None:
    """Does what the options ask for, prints it, and writes it to `out`, where one is given. ValueError, one line, for
    what cannot be done; KeyboardInterrupt, after what there is has been published, if it was stopped."""
    check(options)
    if out:
        check_writable(out, partial(is_like, game, options))
    suite = read_suite(game, options) if options.suite else None
    publish = partial(write_and_print, options, out, out is not None and is_whole(out))
    if suite and not options.thinking:
        report = run_suite(suite, options, publish)
    else:
        report = run_pool(game, options, suite, publish)
    if is_partial(report):
        raise KeyboardInterrupt


def write_and_print(
    options: EvaluateOptions, out: Path | None, keep: bool, report: dict[str, Any], lines: Sequence[str]
) -> None:
    """Writes the report, then prints the lines: printing fails where nobody reads. Where the report cannot be written, the
    lines are printed all the same. `keep`: a whole report was there before, which one that was stopped must not replace."""
    try:
        if out and options.levels and report.get("stopped"):  # play --level would take it for a whole one
            lines = [*lines, f"not written to {out}: half a ladder"]
        elif out and keep and is_partial(report):
            lines = [*lines, f"not written to {out}: the report there is whole"]
        elif out:
            write_bytes(out, (json.dumps({**report, "options": asdict(options)}) + "\n").encode())
    finally:
        print(*lines, sep="\n")


def read_report(content: bytes) -> dict[str, Any] | None:
    """A report that `evaluate` has written, or None."""
    try:
        report = json.loads(content)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(report, dict) and {"game", "players", "options"} <= report.keys()
    return report if ours and isinstance(report["options"], dict) else None


def is_like(game: Game, options: EvaluateOptions, content: bytes) -> bool:
    """Is this a report of the same kind about the same game, which a new one may replace?"""
    found = read_report(content)
    return found is not None and found["game"] == game.name and kind(found["options"]) == kind(asdict(options))


def kind(options: dict[str, Any]) -> tuple[bool, ...]:
    """What a report is of: levels, thinking time, a suite, or else a match."""
    levels, thinking, suite = (bool(options.get(name)) for name in ("levels", "thinking", "suite"))
    return levels, thinking, suite and not thinking


def is_partial(report: dict[str, Any]) -> bool:
    """Did Ctrl-C come before all was played, timed and asked?"""
    return bool(report.get("stopped") or report.get("untimed"))


def is_whole(path: Path) -> bool:
    """Is there a report that is not partial?"""
    found = read_report(path.read_bytes()) if path.is_file() else None
    return found is not None and not is_partial(found)


def check(options: EvaluateOptions) -> None:
    """ValueError, one line, if the options do not go together."""
    if options.games is not None and not (2 <= options.games <= 1_000_000 and options.games % 2 == 0):
        raise ValueError("--games must be an even number from 2 to 1000000: an opening is played from both seats")
    if options.seed < 0:
        raise ValueError("--seed must not be negative")
    if options.thinking and options.player:
        raise ValueError("--thinking takes --checkpoint, not --player")
    if options.levels:
        if options.player or options.thinking or options.suite or options.sprt or len(options.checkpoint) > 1:
            raise ValueError("--levels takes one --checkpoint at most, and nothing else to play")
        options.test.check()
        return
    if options.checkpoint and not options.thinking:
        raise ValueError("--checkpoint goes with --thinking; as a player write net:PATH@sims=100")
    if options.suite and not options.thinking and not options.player:
        raise ValueError("--suite needs a --player, or --thinking")
    if not options.thinking and not options.suite and len(options.player) < 2:
        raise ValueError("give --player at least twice, or --thinking, or --suite")
    if options.suite and not options.thinking and (options.games is not None or options.openings != "auto"):
        raise ValueError("--suite asks about positions: --games and --openings go with games")
    if options.sprt and (options.thinking or options.suite or len(options.player) != 2):
        raise ValueError("--sprt takes two players, and neither --thinking nor --suite")
    options.test.check()


def read_suite(game: Game, options: EvaluateOptions) -> Suite:
    if options.suite == SOLVED:
        return solved_suite(game, options.seed)
    return load_suite(Path(options.suite), game)


def run_suite(suite: Suite, options: EvaluateOptions, publish: Publish) -> dict[str, Any]:
    """Scores the players on a suite; publishes the report and returns it."""
    threads = cores()
    players = make_players(suite.game, options.player, threads)
    for player in players:
        if isinstance(player, CommandPlayer):
            raise ValueError(f"{player.name} follows games; a suite asks about single positions")
    about = provenance(suite.game, options.player, players)
    scores, lines, stopped = score_players(suite, players, options.seed, threads)
    if not scores:
        print(*lines, sep="\n")
        raise KeyboardInterrupt
    report = {**suite_report(suite, scores), **about, **stopped}
    publish(report, lines)
    return report


def provenance(game: Game, specs: Sequence[str], players: Sequence[Player]) -> dict[str, Any]:
    """What a report's reader needs, besides its options, to repeat it: the program's version and commit, the start of the
    SHA-256 of each net's file by the name that the SPECs have for it, how the nets were evaluated, and the threads that
    each had random numbers of its own."""
    nets = {}
    for spec in map(parse_spec, specs):
        if spec.kind == "net":
            path = Path(spec.argument) if spec.argument else shipped_checkpoint(game)
            name = f"net:{spec.argument}" if spec.argument else "net"
            nets[name] = fingerprint(path)
    inference = list(dict.fromkeys(player.about for player in players if player.about))
    return {"alphamini": __version__, "commit": commit(), "nets": nets, "inference": inference, "threads": cores()}


def score_players(
    suite: Suite, players: Sequence[Player], seed: int, threads: int
) -> tuple[list[Score], list[str], dict[str, bool]]:
    """The scores of those players that are through before Ctrl-C; what to print, and what the report says of it."""
    scores: list[Score] = []
    with interruptible() as stop:
        for player in players:
            if (found := score(suite, player, seed, threads, stop)) is None:
                break
            scores.append(found)
    lines = [suite_table(suite, scores)] if scores else []
    if len(scores) == len(players):
        return scores, lines, {}
    lines.append(f"stopped: {len(scores)} of {len(players)} players have answered the whole suite")
    return scores, lines, {"stopped": True}


def run_pool(game: Game, options: EvaluateOptions, suite: Suite | None, publish: Publish) -> dict[str, Any]:
    """Plays and rates; publishes the report, again with a suite's answers, and returns it."""
    threads = cores()
    openings = choose_openings(game, options.openings)
    if options.levels:
        path = parse_checkpoint(options.checkpoint[0])[1] if options.checkpoint else shipped_checkpoint(game)
        pool, pairs = levels_pool(game, path, threads)
    elif options.thinking:
        pool, pairs = thinking_pool(game, nets(game, options), threads)
    else:
        players = make_players(game, options.player, threads)
        pool = Pool(game, [Entry(*both) for both in zip(options.player, players, strict=True)], threads)
        pairs = list(combinations(range(len(pool.entries)), 2))
    about = provenance(game, [entry.spec for entry in pool.entries], [entry.player for entry in pool.entries])
    for line in about["inference"]:
        print(f"inference: {line}")
    games = options.games or (TEST_GAMES if options.sprt else DEFAULT_GAMES)
    print(f"openings: {openings.about}")
    if isinstance(openings, Book) and games > 2 * len(openings.openings) and not options.sprt:
        print(f"note: after {2 * len(openings.openings)} games of a pair its openings come again")
    if isinstance(openings, Book) and options.sprt:
        print("note: every seed has this book's openings: a match after the test is new evidence with --openings PLIES")
    tested, untimed = None, False
    with interruptible() as stop:
        if options.sprt:
            tested = play_test(pool, options.test, games, options.seed, openings, stop)
        else:
            play_pairs(pool, pairs, games, options.seed, openings, stop)
        stopped = stop()
        if options.thinking and not stopped:
            pool.time_curves(options.seed, stop)
            untimed = stop()
    if stopped and not pool.records:
        print("stopped before both games of an opening were over")
        raise KeyboardInterrupt
    report = {**pool.report(), "openings": openings.about, **about}
    lines = []
    if stopped:
        report |= {"stopped": True, "untimed": True}  # see `Pool.time_curves`
        lines.append(f"stopped: of finished openings there are {len(pool.records)} games; short ones are "
                     "over-represented")  # fmt: skip
        if left_out := len(pool.entries) - len(pool.rated()):
            lines.append(f"not rated: {left_out} players whom no games connect with {pool.entries[0].player.name}")
    elif untimed:
        report |= {"untimed": True}
        lines.append("stopped: all games were played, but not all seconds a move are measured")
    ratings = pool.ratings()
    for pair in pool.pairs.values():
        a, b = (pool.entries[i].player.name for i in (pair.a, pair.b))
        lines.append(f"{a} - {b}: +{pair.wins} ={pair.draws} -{pair.losses} ({pair.score:.1%}), "
                     f"likelihood of superiority {ratings.superiority(pair.a, pair.b):.1%}")  # fmt: skip
    lines.append(table(pool))
    lines += [slope_text(curve) for curve in report["curves"]]
    if tested:
        report["sprt"] = tested
        lines.append(verdict(tested))
        if not tested["accepted"] and not stopped and tested["openings"] < games // 2:
            lines.append("note: no different openings are left; --openings PLIES draws others, at random")
    if suite and untimed:
        report |= {"stopped": True}
    elif suite and not stopped:
        publish({**report, "stopped": True}, lines)  # the suite takes as long again; a whole report stays till then
        scores, lines, broken_off = score_players(
            suite, [entry.player for entry in pool.entries], options.seed, threads
        )
        for player, found in zip(report["players"], scores, strict=False):
            player["oracle"] = {"suite": suite.name, **found.json()}
        report |= broken_off
    publish(report, lines)
    return report


def nets(game: Game, options: EvaluateOptions) -> list[Net]:
    """The curves of --thinking; ValueError, one line, if two have one name."""
    budgets = parse_budgets(options.thinking)
    named = [parse_checkpoint(text) for text in options.checkpoint] or [("", shipped_checkpoint(game))]
    stems = [path.stem for _, path in named]
    names = [name or (path.stem if stems.count(path.stem) == 1 else str(path)) for name, path in named]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"--checkpoint: {name!r} stands for two curves; name them NAME=PATH")
    return [Net(name, path, budgets) for name, (_, path) in zip(names, named, strict=True)]


def parse_checkpoint(text: str) -> tuple[str, Path]:
    """(NAME, PATH) of "NAME=PATH", NAME empty where there is none; a path may hold an = too."""
    name, equals, path = text.partition("=")
    return ("", Path(text)) if not equals or Path(text).exists() else (name, Path(path))


def parse_budgets(text: str) -> list[int]:
    """The numbers in "1,2,4", rising; ValueError, one line, otherwise."""
    items = text.split(",")
    if not all(item.isdecimal() and 1 <= int(item) <= MAX_SIMS for item in items):
        raise ValueError(f"--thinking takes whole numbers from 1 to {MAX_SIMS} with commas between, not {text!r}")
    return sorted({int(item) for item in items})


def verdict(tested: dict[str, Any]) -> str:
    """A sequential test's end in one line."""
    low, high = tested["bounds"]
    elo0, elo1 = tested["elo0"], tested["elo1"]
    said = {
        "H1": f"H1 accepted: {'the first player is stronger, ' if elo0 >= 0 else ''}{elo1:+g} Elo rather than {elo0:+g}",
        "H0": f"H0 accepted: {'no proof of strength, ' if elo0 <= 0 else ''}{elo0:+g} Elo rather than {elo1:+g}",
        None: "undecided",
    }[tested["accepted"]]
    return f"SPRT: {said}; LLR {tested['llr']:+.2f} in ({low:+.2f}, {high:+.2f}) after {tested['openings']} openings"


if __name__ == "__main__":
    run_command(main)
