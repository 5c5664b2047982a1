"""Ratings against players of known strength; matches: seats, openings, records; player SPECs."""

import shutil
import time
import weakref
from itertools import combinations

import numpy as np
import pytest
from reference_mcts import HashEvaluator

import games
from alphamini.arena.judge import Judge
from alphamini.arena.match import GameRecord, MatchResult, play_match
from alphamini.arena.openings import Book, Opening, RandomOpenings, position_keys, states_after
from alphamini.arena.players import SearchPlayer, make_player, make_players, parse_spec
from alphamini.arena.pool import Entry, Pool, _Score, play_pairs, play_test, table
from alphamini.arena.ratings import Pair, elo_of_score, rate
from alphamini.arena.sequential import SequentialTest
from alphamini.arena.thinking import Net, levels_pool, thinking_pool
from alphamini.model.checkpoint import load_checkpoint
from alphamini.model.shipped import shipped_checkpoint
from alphamini.search.search import Search

TICTACTOE = games.get("tictactoe")
GOMOKU7 = games.get("gomoku7")


def synthetic(truth: np.ndarray, n: int, rng: np.random.Generator) -> list[Pair]:
    pairs = []
    for a, b in combinations(range(len(truth)), 2):
        wins = int(rng.binomial(n, 1 / (1 + 10 ** ((truth[b] - truth[a]) / 400))))
        pairs.append(Pair(a, b, wins, 0, n - wins))
    return pairs


def test_ratings_find_known_strengths_and_their_intervals_hold_them() -> None:
    truth = np.array([0.0, 50.0, 120.0, 300.0, -80.0])
    rng = np.random.default_rng(1)
    inside, errors = [], []
    for _ in range(200):
        ratings = rate(5, synthetic(truth, 200, rng))
        errors.append(ratings.elo - truth)
        inside += [low <= truth[i] <= high for i in range(1, 5) for low, high in [ratings.interval(i)]]
    assert np.abs(np.mean(errors, axis=0)).max() < 5  # no bias to speak of
    assert 0.92 < np.mean(inside) < 0.98  # 95 % intervals


def test_ratings_are_finite_for_perfect_scores_and_the_anchor_is_zero() -> None:
    ratings = rate(2, [Pair(0, 1, 0, 0, 100)])
    assert ratings.elo[0] == 0
    assert ratings.interval(0) == (0, 0)
    assert 500 < ratings.elo[1] < 2000


def test_a_drawn_match_is_even() -> None:
    elo, half = elo_of_score(Pair(0, 1, 10, 80, 10))
    assert abs(elo) < 1e-6
    assert 0 < half < 100


def test_a_match_is_paired_and_its_records_replay() -> None:
    a, b = make_player(GOMOKU7, "scripted@level=2", 2), make_player(GOMOKU7, "random", 2)
    result = play_match(GOMOKU7, a, b, 40, seed=3, threads=2)
    assert len(result.games) == 40
    openings = [(tuple(g.moves[: g.opening]), g.first) for g in result.games]
    assert len(set(openings)) == 40  # 20 different openings, each from both seats
    assert len({moves for moves, _ in openings}) == 20
    for record in result.games:
        position = GOMOKU7.initial().play_all(record.moves)
        assert position.outcome == record.outcome
        assert record.winner() == (None if record.outcome == 2 else [record.first, 1 - record.first][record.outcome])
    pair = result.pair()
    assert pair.games == 40
    assert pair.wins >= 38  # the teacher against random play
    scores = {0: 2, None: 1, 1: 0}
    both = [sum(scores[g.winner()] for g in result.games if g.number == n) for n in range(20)]
    assert pair.pentanomial == tuple(both.count(k) for k in range(5))
    for number in range(20):  # a number is one opening
        assert len({tuple(g.moves[: g.opening]) for g in result.games if g.number == number}) == 1
    assert result.moves.sum() == sum(len(g.moves) - g.opening for g in result.games)


def test_a_match_is_repeatable() -> None:
    a, b = make_player(TICTACTOE, "rollouts@sims=20", 2), make_player(TICTACTOE, "random", 2)

    def play(seed: int) -> list[list[int]]:
        return [game.moves for game in play_match(TICTACTOE, a, b, 10, seed, threads=2).games]

    assert play(5) == play(5) != play(6)
    states = TICTACTOE.new_states(20)
    fresh, used = (make_player(TICTACTOE, "rollouts@sims=20") for _ in range(2))
    used.choose(states, np.random.default_rng(4))  # in another match before
    found = [player.choose(states, np.random.default_rng(5)) for player in (fresh, used)]
    np.testing.assert_array_equal(*found)


def test_long_matches_come_to_their_results_bit_by_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = (SearchPlayer(TICTACTOE, "x", lambda rng: HashEvaluator(9), sims, None) for sims in (2, 8))

    def play(at_once: int) -> tuple[list[tuple[int, int, list[int]]], list[int]]:
        monkeypatch.setattr("alphamini.arena.match.AT_ONCE", at_once)
        longest: list[int] = []  # that was to move at once
        monkeypatch.setattr(a, "choose", lambda states, rng: longest.append(len(states)) or choose(states, rng))
        result = play_match(TICTACTOE, a, b, 40, seed=5, openings=RandomOpenings(TICTACTOE, 2))
        return sorted((game.number, game.first, game.moves) for game in result.games), longest

    choose = a.choose
    (games_of_all, many), (games_of_few, few) = play(40), play(5)
    assert games_of_all == games_of_few
    assert len(games_of_all) == 40
    assert max(many) > 5 >= max(few)
    assert np.mean(few) > 2  # where a game ends the next begins


def test_under_a_clock_games_are_played_one_after_another() -> None:
    a = SearchPlayer(TICTACTOE, "x", lambda rng: HashEvaluator(9), None, 0.001)
    b = make_player(TICTACTOE, "random")
    ended: list[GameRecord] = []
    result = play_match(TICTACTOE, a, b, 40, seed=5, progress=ended.append, stop=lambda: len(ended) >= 5)
    assert [game.number for game in ended] == [0, 0, 1, 1, 2]
    assert result.games == ended[:4]


def test_a_search_plays_its_best_move_and_not_the_most_visited() -> None:
    states = np.repeat(GOMOKU7.new_states(1), 49)
    GOMOKU7.step(states, np.arange(49, dtype=np.int32))
    player = SearchPlayer(GOMOKU7, "x", lambda rng: HashEvaluator(49), 4, None)
    search, rows = Search(GOMOKU7, 49, 4), np.arange(49, dtype=np.int32)
    search.budget[:] = 4
    search.reset(rows, states)
    search.run(HashEvaluator(49), rows)
    actions = player.choose(states, np.random.default_rng(0))
    np.testing.assert_array_equal(actions, search.best(rows))
    assert (actions != search.policy(rows).argmax(1)).any()


def test_openings_are_different_and_never_end_the_game() -> None:
    rng = np.random.default_rng(0)
    two = RandomOpenings(TICTACTOE, 2)
    assert len({tuple(o) for o in two.draw(72, rng)}) == 72  # all there are
    assert len(two.draw(100, rng)) == 100  # more than there are: some come twice
    for opening in RandomOpenings(TICTACTOE, 6).draw(50, rng):
        assert not TICTACTOE.initial().play_all(opening).is_over


def test_openings_reach_different_positions_though_moves_transpose() -> None:
    lines = [[0, 4, 1], [1, 4, 0], [0, 4, 2]]
    first, second, other = position_keys(TICTACTOE, states_after(TICTACTOE, lines))
    assert first == second != other
    game = games.get("connect4")
    drawn = RandomOpenings(game, 4).draw(500, np.random.default_rng(0))
    assert len(set(position_keys(game, states_after(game, drawn)))) == 500
    go = games.get("go5")  # whose record holds the way that led to a position
    assert len(set(position_keys(go, states_after(go, [[0, 7, 1], [1, 7, 0]])))) == 1


def test_more_rollouts_win() -> None:
    a, b = make_player(TICTACTOE, "rollouts@sims=200", 2), make_player(TICTACTOE, "rollouts@sims=2", 2)
    assert play_match(TICTACTOE, a, b, 60, seed=1, threads=2).pair().score > 0.6


def test_no_two_pairs_of_any_seeds_have_the_same_openings() -> None:
    found = []
    for seed in (0, 1, 2):
        pool = Pool(GOMOKU7, [Entry(str(i), make_player(GOMOKU7, "random")) for i in range(3)], threads=1)
        play_pairs(pool, [(0, 1), (0, 2), (1, 2)], games=4, seed=seed)
        for pair in pool.pairs:
            found.append(tuple(tuple(r.moves[: r.opening]) for *both, r in pool.records if both == [*pair]))
        pool = Pool(GOMOKU7, [Entry(str(i), make_player(GOMOKU7, "random")) for i in range(2)], threads=1)
        play_test(pool, SequentialTest(0, 1), 4, seed=seed)
        found.append(tuple(tuple(r.moves[: r.opening]) for *_, r in pool.records))
    assert len(set(found)) == 12


def test_the_pool_reports_what_was_played() -> None:
    specs = ["random", "scripted@level=1", "scripted"]
    pool = Pool(TICTACTOE, [Entry(s, make_player(TICTACTOE, s)) for s in specs], threads=1)
    play_pairs(pool, [(0, 1), (0, 2), (1, 2)], games=20, seed=0)
    report = pool.report()
    assert [p["spec"] for p in report["players"]] == specs
    assert [p["games"] for p in report["players"]] == [40, 40, 40]
    assert report["players"][0]["elo"] == 0 < report["players"][2]["elo"]
    assert len(report["games"]) == 60
    openings = {pair: {r.number: r.moves[0] for *both, r in pool.records if both == [*pair]} for pair in pool.pairs}
    assert openings[0, 1] != openings[0, 2] != openings[1, 2]
    for pair in report["pairs"]:
        both = [g for g in report["games"] if {g["first"], g["second"]} == {pair["a"], pair["b"]}]
        wins = sum(g["result"] == ("1-0" if g["first"] == pair["a"] else "0-1") for g in both)
        assert wins == pair["wins"]
        assert sum(pair["pentanomial"]) == 10
        assert sum(k * n for k, n in enumerate(pair["pentanomial"])) == 2 * pair["wins"] + pair["draws"]
        assert 0 <= pair["los"] < 0.5  # each later one of the three is stronger
    one = report["games"][0]
    position = TICTACTOE.initial()
    for move in one["moves"].split():
        position = position.play(position.parse_action(move))
    assert ("1-0", "0-1", "1/2-1/2")[position.outcome] == one["result"]


def test_a_sequential_test_stops_when_it_knows_and_is_rated_as_one_match() -> None:
    def tested(specs: list[str], test: SequentialTest, games: int) -> tuple[Pool, dict]:
        pool = Pool(GOMOKU7, [Entry(s, make_player(GOMOKU7, s)) for s in specs], threads=1)
        return pool, play_test(pool, test, games, seed=1)

    pool, found = tested(["scripted", "random"], SequentialTest(0, 30), 2000)
    assert found["accepted"] == "H1"
    assert found["llr"] >= found["bounds"][1]
    # Were every opening won twice: log((1 / (1 + 10^(-30/400))) / 0.5) each, which passes log 19 at the 36th.
    assert found["openings"] == 64  # the second look
    (pair,) = pool.pairs.values()
    assert pair.games == len(pool.records) == 128
    assert len({tuple(r.moves[: r.opening]) for _, _, r in pool.records}) == 64
    assert tested(["random", "scripted"], SequentialTest(0, 30), 2000)[1]["accepted"] == "H0"
    undecided = tested(["random", "random"], SequentialTest(0, 1), 80)[1]
    assert (undecided["accepted"], undecided["openings"]) == (None, 40)


def test_a_sequential_test_that_is_stopped_decides_nothing_by_the_short_games_of_its_round() -> None:
    pool = Pool(GOMOKU7, [Entry(s, make_player(GOMOKU7, s)) for s in ("scripted", "random")], threads=1)
    asked = iter(range(10**6))
    found = play_test(pool, SequentialTest(0, 200), 2000, seed=0, stop=lambda: next(asked) >= 20)
    assert (found["accepted"], found["llr"], found["openings"]) == (None, 0.0, 0)  # the ratio is of so many openings
    assert 0 < len(pool.records) < 64


def test_a_sequential_test_plays_no_opening_twice() -> None:
    pool = Pool(TICTACTOE, [Entry(s, make_player(TICTACTOE, s)) for s in ("random", "random")], threads=1)
    found = play_test(pool, SequentialTest(0, 1), 4000, seed=0)
    assert (found["accepted"], found["openings"]) == (None, 9)  # there are nine first moves
    again = Book(TICTACTOE, tuple(Opening(line, 0.0) for line in ((0, 4, 1), (1, 4, 0), (0, 4, 2))), {})
    assert play_test(pool, SequentialTest(0, 1), 4000, seed=0, openings=again)["openings"] == 9 + 2


def test_openings_that_come_again_are_no_silent_evidence() -> None:
    pool = Pool(TICTACTOE, [Entry(s, make_player(TICTACTOE, s)) for s in ("scripted", "random")], threads=1)
    pool.play(0, 1, games=10, seed=0)
    assert pool.report()["pairs"][0]["different_openings"] == 5
    assert "note:" not in table(pool)
    pool.play(0, 1, games=90, seed=1)  # there are nine first moves
    assert pool.report()["pairs"][0]["different_openings"] == 9
    assert "two players had 50, 9 of them different" in table(pool)


def test_the_bar_shows_the_first_players_score() -> None:
    class Bar:
        set_description = staticmethod(lambda text, refresh: told.append(text))
        update = staticmethod(lambda: None)

    pool, told = Pool(TICTACTOE, [Entry("", make_player(TICTACTOE, s)) for s in ("random", "scripted")], 1), []
    score = _Score(pool, 0, 1, Bar())
    for first, outcome in ((0, 0), (1, 1), (1, 2), (0, 1), (0, 0)):
        score(GameRecord(first, [], outcome, 0, 0))
    assert told[-1].startswith("random - scripted level 2 +3 =1 -1, Elo +")


def test_a_run_is_judged_as_it_is_against_what_it_began_with(tmp_path, monkeypatch) -> None:
    def match(game, a, b, games, seed, threads, stop):
        assert (a.name, b.name, a.simulations, b.simulations) == ("now", "baseline", 16, 16)
        seeds.append(seed)
        won = [GameRecord(i % 2, [], i % 2, 0, i // 2) for i in range(games)]
        return MatchResult(won, np.ones(2), np.ones(2, np.int64))

    seeds: list[int] = []
    monkeypatch.setattr("alphamini.arena.judge.play_match", match)
    path = shipped_checkpoint(TICTACTOE)
    judge = Judge(TICTACTOE, path, 1, 100, "fp32")
    net = load_checkpoint(path, TICTACTOE)
    found = [judge.compare(net, number, lambda: False)["elo"] for number in (1, 2)]
    assert found[0] == found[1] > 400  # every game was won by the net as it is
    assert seeds == [101, 102]
    assert judge.compare(net, 3, lambda: True) == {}


def test_a_table_says_where_only_the_prior_knows_how_far_the_anchor_is() -> None:
    def noted(won: int) -> str:
        pool = Pool(TICTACTOE, [Entry("random", make_player(TICTACTOE, "random"))] * 3, threads=1)
        pool.pairs = {(0, 1): Pair(0, 1, won, 0, 20 - won), (0, 2): Pair(0, 2, 0, 0, 20), (1, 2): Pair(1, 2, 9, 2, 9)}
        return table(pool)

    assert "note: random lost every game: how far it is from the others is not known" in noted(0)
    assert "note" not in noted(1)


def test_a_table_has_no_minus_before_a_zero(monkeypatch) -> None:
    pool = Pool(TICTACTOE, [Entry("random", make_player(TICTACTOE, "random"))], threads=1)
    row = {"name": "a", "elo": -0.3, "ci95": [-0.4, -0.2], "games": 2, "seconds_per_move": 1.0}
    monkeypatch.setattr(pool, "report", lambda: {"players": [row]})
    assert "-0" not in table(pool)


def test_rounds_of_one_pair_are_rated_like_one_match() -> None:
    pool = Pool(TICTACTOE, [Entry(s, make_player(TICTACTOE, s)) for s in ("scripted", "random")], threads=1)
    rounds = [pool.play(0, 1, games=10, seed=seed) for seed in range(6)]
    assert [pair.games for pair in rounds] == [10] * 6
    (pair,) = pool.report()["pairs"]
    assert pair["wins"] + pair["draws"] + pair["losses"] == sum(pair["pentanomial"]) * 2 == 60
    once = Pair(0, 1, pair["wins"], pair["draws"], pair["losses"], pair["pentanomial"])
    assert pool.ratings().interval(1) == rate(2, [once]).interval(1)


def test_a_curve_carries_its_slope() -> None:
    pool = Pool(TICTACTOE, [Entry("", make_player(TICTACTOE, "random"))], threads=1)
    pool.entries += [Entry("", make_player(TICTACTOE, f"rollouts@sims={n}"), "x") for n in (4, 16, 1)]
    pool.pairs = {(a, b): Pair(a, b, *score) for (a, b), score in
                  {(0, 1): (10, 0, 30), (0, 2): (5, 5, 30), (0, 3): (20, 0, 20)}.items()}  # fmt: skip
    pool._seconds, pool._moves = np.ones(4), np.ones(4, np.int64)
    (curve,) = pool.report()["curves"]
    elo = pool.ratings().elo
    assert curve["elo_per_doubling"] == pytest.approx(np.polyfit([2, 4, 0], elo[1:], 1)[0], abs=0.06)
    low, high = curve["ci95"]
    assert low < curve["elo_per_doubling"] < high


def test_a_curve_is_timed_alone_with_an_empty_cache_on_positions_of_the_games(monkeypatch) -> None:
    searched, forgotten = [], []
    trees = weakref.WeakSet()

    class Trees(Search):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            trees.add(self)

    monkeypatch.setattr("alphamini.arena.players.Search", Trees)

    class Evaluator:
        def evaluate(self, states):
            searched.append(states.copy())
            time.sleep(0.005)
            return np.zeros((len(states), 9), np.float32), np.zeros(len(states), np.float32)

    def player(name: str, sims: int) -> SearchPlayer:
        return SearchPlayer(TICTACTOE, name, lambda rng: Evaluator(), sims, None, "", 0, lambda: forgotten.append(sims))

    entries = [Entry("", player("anchor", 1)), Entry("", player("x 1", 1), "x"), Entry("", player("x 4", 4), "x")]
    pool = Pool(TICTACTOE, entries, threads=1)
    play_pairs(pool, [(0, 1), (1, 2)], games=4, seed=0)
    before = [p["seconds_per_move"] for p in pool.report()["players"]]
    games_positions = {s.tobytes() for batch in searched for s in batch}
    assert not forgotten
    searched.clear()
    pool.time_curves(seed=0)
    after = [p["seconds_per_move"] for p in pool.report()["players"]]
    assert not trees  # one player's are gone before the next one's come
    assert after[0] == before[0]
    assert 0.005 / 64 <= after[1] < 0.1 / 64  # not what games of four positions at a time took a move
    assert after[2] >= 4 * 0.005 / 64
    assert {*forgotten} == {1, 4}
    roots = [batch for batch in searched[: forgotten.count(1)] if len(batch) == 64]
    assert len(roots) == forgotten.count(1)
    assert all((batch == roots[0]).all() for batch in roots)  # one player's tries, and the next one's, are of the same
    assert {s.tobytes() for s in roots[0]} <= games_positions


@pytest.mark.parametrize(("game", "anchor"), [("connect4", "scripted level 3"), ("hex7", "rollouts 1000 sims")])
def test_a_thinking_pool_has_an_anchor_that_can_win(game, anchor) -> None:
    rules = games.get(game)
    pool, _ = thinking_pool(rules, [Net("net", shipped_checkpoint(rules), (1, 8))], threads=1)
    assert [entry.player.name for entry in pool.entries] == [anchor, "net 1 sims", "net 8 sims"]


def test_curves_are_chains_that_meet_one_another_and_the_anchor_from_below() -> None:
    path = shipped_checkpoint(TICTACTOE)
    nets = [Net("old", path, (1, 4, 16, 64)), Net("new", path, (1, 16, 256)), Net("newest", path, (16,))]
    pool, pairs = thinking_pool(TICTACTOE, nets, threads=1)
    names = [entry.player.name.removesuffix(" sims") for entry in pool.entries]
    anchor = "scripted level 2"
    assert sorted((names[i], names[j]) for i, j in pairs) == sorted([
        ("old 1", "old 4"), ("old 1", "old 16"), ("old 4", "old 16"), ("old 4", "old 64"), ("old 16", "old 64"),
        ("new 1", "new 16"), ("new 1", "new 256"), ("new 16", "new 256"),
        ("old 1", "new 1"), ("old 16", "new 16"), ("new 16", "newest 16"),
        (anchor, "old 1"), (anchor, "old 4"), (anchor, "new 1"), (anchor, "newest 16"),
    ])  # fmt: skip


def test_every_weak_rung_of_a_ladder_meets_the_anchor() -> None:
    """Rungs that met only one another would seem nearer than they are, as like players draw."""
    game = games.get("tictactoe")
    pool, pairs = levels_pool(game, shipped_checkpoint(game), threads=1)
    met = [pool.entries[j].spec for i, j in pairs if i == 0]
    assert len(pairs) == len({*pairs})
    assert met[:2] == ["net@sims=1,temperature=8", "net@sims=1,temperature=4"]  # no path of this machine
    assert met[-1].endswith("@sims=32")


def test_specs() -> None:
    spec = parse_spec("net:some/dir@x/net.safetensors@sims=4")
    assert (spec.kind, spec.argument, spec.options) == ("net", "some/dir@x/net.safetensors", {"sims": "4"})
    assert parse_spec("net:runs/a@b.safetensors").argument == "runs/a@b.safetensors"
    assert parse_spec("net:runs/lr@k=3/x.safetensors").argument == "runs/lr@k=3/x.safetensors"
    assert parse_spec("random").options == {}


def test_players_of_one_name_go_by_their_specs(tmp_path) -> None:
    net = shipped_checkpoint(TICTACTOE)
    (tmp_path / "b").mkdir()
    copy = shutil.copy(net, tmp_path / "b")
    specs = [f"net:{net}@sims=2", f"net:{copy}@sims=2", f"net:{copy}@sims=4"]
    assert [p.name for p in make_players(TICTACTOE, specs)] == [*specs[:2], "tictactoe 4 sims"]
    with pytest.raises(ValueError, match="player 'random' is given twice"):
        make_players(TICTACTOE, ["random", "scripted", "random"])


def test_a_tree_that_does_not_fit_the_memory_is_refused_before_it_is_made() -> None:
    go = games.get("go19")
    with pytest.raises(
        ValueError, match=r"^1000000 simulations of go19 take too much memory; up to 318617 are possible$"
    ):
        make_player(go, "rollouts@sims=1000000")
    make_player(go, "rollouts@sims=318617")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "no kind 'nonsense'"),
        ("", "no kind ''"),
        ("scripted@level=9", "levels of tictactoe are 1 to 2"),
        ("scripted@level", "expected key=value"),
        ("rollouts@sims=1,sims=2", "sims is given twice"),
        ("scripted@sims=4", "no option 'sims'"),
        ("scripted:3", "takes nothing after a colon"),
        ("rollouts@sims=0", "sims must be a whole number"),
        ("rollouts@sims=1e3", "sims must be a whole number"),
        ("rollouts@seconds=nan", "seconds must be a number"),
        ("rollouts@seconds=1,sims=4", "not both"),
        ("net:nowhere.safetensors", "no checkpoint at nowhere.safetensors"),
    ],
)
def test_wrong_specs_get_one_clear_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        make_player(TICTACTOE, text)
    assert len(str(error.value).splitlines()) == 1
