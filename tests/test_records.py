"""Records in files: what others write is read, what we write others can read, and what is broken is told in one line."""

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sgfmill import sgf as sgfmill
from sgfmill.sgf_grammar import parse_sgf_game

import games
from alphamini import __version__
from alphamini.records import read_record, sgf, write_record

SHIPPED = games.names()
FAST = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def available(*names):
    """Those of the names that there are games for."""
    found = []
    for name in names:
        try:
            games.get(name)
        except ValueError:
            continue
        found.append(name)
    return found


BOARDS = available(
    "gomoku9", "gomoku9-standard", "gomoku8-renju", "go9", "go9-komi5.5", "hex7", "hex7-swap", "othello8"
)
WAYS = [(name, ".sgf") for name in BOARDS] + [(name, ".psq") for name in BOARDS if name.startswith("gomoku")]
WAYS += [(name, ".txt") for name in [*BOARDS, *available("tictactoe", "connect4", "breakthrough6", "connect6")]]


def random_game(name, plies, seed):
    position, rng = games.get(name).initial(), np.random.default_rng(seed)
    while len(position.moves) < plies and not position.is_over:
        position = position.play(int(rng.choice(position.legal_actions)))
    return position


def refused(path, data, message, game=None):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(ValueError, match=message) as wrong:
        read_record(path, game)
    assert str(wrong.value).startswith(f"{path}: ")
    assert len(str(wrong.value).splitlines()) == 1


def read_or_refused(path):
    """Any other exception than ValueError passes through."""
    try:
        record, wrong = read_record(path), ""
    except ValueError as error:
        record, wrong = None, str(error)
    if record is None:
        assert wrong.startswith(f"{path}: ")
        assert len(wrong.splitlines()) == 1
        assert len(wrong) < 3000
    else:
        assert record.position().moves == record.moves


@FAST
@given(
    way=st.sampled_from(WAYS),
    plies=st.integers(0, 400),
    seed=st.integers(0, 2**32),
    result=st.sampled_from((None, 0, 1, 2)),
    players=st.tuples(st.text(max_size=20), st.text(max_size=20)),
)
def test_round_trip(tmp_path, way, plies, seed, result, players):
    name, suffix = way
    position = random_game(name, plies, seed)
    outcome = position.outcome if position.is_over else result
    path = tmp_path / f"record{suffix}"
    write_record(path, position.game, position.moves, outcome, players)
    record = read_record(path, position.game)
    assert record.game is position.game
    assert record.moves == position.moves
    assert record.position().state.tobytes() == position.state.tobytes()
    assert record.result == (outcome if suffix != ".psq" or position.is_over else None)
    if suffix == ".sgf":
        assert record.names == tuple(" ".join(re.sub(r"[^ -~]", lambda c: c[0] if c[0].isprintable() else " ", p).split())
                                     for p in players)  # fmt: skip
        assert read_record(path).game is position.game  # the file itself says which rule it is


@settings(FAST, max_examples=200)
@given(way=st.sampled_from(WAYS), seed=st.integers(0, 1000), data=st.data())
def test_changed_bytes_are_read_or_refused_in_one_line(tmp_path, way, seed, data):
    name, suffix = way
    position = random_game(name, 12, seed)
    path = tmp_path / f"changed{suffix}"
    write_record(path, position.game, position.moves, None, ("me", "you"))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        cut = data.draw(st.integers(0, 3))
        content[at : at + cut] = data.draw(
            st.binary(max_size=4) | st.sampled_from((b"[", b"]", b"(", b")", b";", b"\\", b",", b"\n"))
        )
    path.write_bytes(bytes(content))
    read_or_refused(path)


@FAST
@given(data=st.binary(max_size=200) | st.text(alphabet="(;)[]\\BWABSZ19 \n", max_size=200).map(str.encode),
       suffix=st.sampled_from((".sgf", ".psq", ".txt")))  # fmt: skip
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path, data, suffix):
    path = tmp_path / f"any{suffix}"
    path.write_bytes(data)
    read_or_refused(path)


SGF = r"""
(;FF[4]GM[4]SZ[9]RU[standard]PB[A \] B \\ \
C]PW[wei: \: ß]RE[W+R]C[a comment ; with ( marks \] ]
;B[ee]C[move 1];W[df]
  (;B[ff]BL[30.5] ;W[dd] (;B[gg];W[cc]) (;B[aa];W[ab]))
  (;B[dd]))
(;GM[1];B[aa])
"""


def test_the_main_line_of_an_sgf_file(tmp_path):
    path = tmp_path / "game.SGF"
    path.write_text(SGF)
    record = read_record(path)
    assert record.game.name == "gomoku9-standard"
    assert [record.game.action_text(action) for action in record.moves] == ["e5", "d4", "f4", "d6", "g3", "c7"]
    assert record.result == games.WIN_1
    assert record.names == ("A ] B \\ C", "wei: : ß")


@pytest.mark.parametrize(("content", "message"), [
    ("", "line 1: the file ends before its game does"),
    ("hello", "line 1, column 1: unexpected 'hello'"),
    ("hello (you)\n(;GM[4]\n;B[ee]W)", "line 3, column 7: a property without a value"),
    ("(GM[4](;B[ee]))", "line 1, column 2: unexpected 'GM'"),
    ("(;GM[4]", "the file ends before its game does"),
    ("(;GM[4]\n;B[ee", "line 2, column 3: a value without its end"),
    ("(;GM[4]\n;B[ee]W)", "line 2, column 7: a property without a value"),
    ("(;GM[4]\n;B[ee][ff])", "line 2, column 2: B has 2 values"),
    ("(;GM[4]\n;B[ee]B[ff])", "line 2, column 7: B stands twice"),
    ("(;GM[4][x])", r"line 1, column 3: GM has 2 values"),
    ("([x];GM[4])", "line 1, column 3: a value without a property"),
    ("(GM[4])", "line 1, column 2: unexpected 'GM'"),
    ("()", "a game without a node"),
    (")", r"line 1, column 1: an SGF file begins with \(;"),
    (";GM[4]", r"line 1, column 1: an SGF file begins with \(;"),
    ("(;GM[3])", "line 1, column 3: GM '3' is no game that is known here"),
    ("(;GM[four])", "line 1, column 3: GM 'four' is no game"),
    ("(;GM[4]SZ[9:8])", "line 1, column 8: expected the size of a square board, got '9:8'"),
    ("(;GM[4]SZ[nine\nteen])", r"line 1, column 8: expected the size of a square board, got 'nine\\nteen'"),
    ("(;GM[4]SZ[99])", "no gomoku99 here"),
    ("(;GM[4]SZ[9];B[ee];W[ee])", "line 1, column 20: move 2: e5 is not legal here"),
    ("(;GM[4]SZ[9];B[ee];B[ff])", "line 1, column 20: move 2: B moves, but it is the turn of W"),
    ("(;GM[4]SZ[9];B[jj])", "line 1, column 14: move 1: 'jj' is outside the board"),
    ("(;GM[4]SZ[9];B[e5])", "line 1, column 14: move 1: 'e5' is no move"),
    ("(;GM[4]SZ[9];B[])", "line 1, column 14: move 1: '' is no move"),
    ("(;GM[4]SZ[9]\n\nAB[ee][ff];W[aa])", "line 3, column 1: AB: games with stones that are set up"),
    ("(;GM[4]SZ[9]HA[3];W[aa])", "line 1, column 13: HA: games with a handicap"),
    ("(;GM[4]SZ[9];AE[aa])", "line 1, column 14: AE: games with stones"),
    ("(;GM[4]SZ[9]RU[renju];B[gc];W[aa];B[gd];W[ba];B[ee];W[ca];B[fe];W[da];B[ge])", r"move 9: g5 is not legal here"),
    ("(;GM[4]SZ[9];B[aa];W[ab];B[ba];W[bb];B[ca];W[cb];B[da];W[db];B[ea];W[eb])", "move 10: the game is over"),
])  # fmt: skip
def test_a_broken_sgf_file_is_told_with_the_place(tmp_path, content, message):
    refused(tmp_path / "broken.sgf", content, message)


@pytest.mark.parametrize(("content", "message"), [
    ("", "line 1: expected 'Piskvorky WIDTHxHEIGHT"),
    ("Piskvorky 9x8, 0:0, 0\n", "line 1: no gomoku on 9 x 8 here"),
    ("Piskvorky 30x30, 0:0, 0\n", "line 1: no gomoku on 30 x 30 here"),
    ("Piskvorky 9x9, 0:0, 0\n5,5,0\n5,5,0\n", "line 3: move 2: e5 is not legal here"),
    ("Piskvorky 9x9, 0:0, 0\n5,5,0\n10,5,0\n", "line 3: 10,5 is outside the board"),
    ("Piskvorky 9x9, 0:0, 0\n5,5,0\n0,5,0\n", "line 3: 0,5 is outside the board"),
    ("Piskvorky 9x9, 0:0, 0\n5,5,0\n5,x,0\n4,4,0\n", "line 3: expected COLUMN,ROW,MILLISECONDS"),
    ("Piskvorky 9x9, 0:0, 0\n5,5,0\na\nb\nc\n-1\n", "line 3: expected COLUMN,ROW,MILLISECONDS"),
])  # fmt: skip
def test_a_broken_psq_file_is_told_with_the_place(tmp_path, content, message):
    refused(tmp_path / "broken.psq", content, message)


@pytest.mark.parametrize(("content", "message"), [
    ("", "line 1: expected 'game NAME', got ''"),
    ("\x00\xff", "line 1: expected 'game NAME'"),
    ("game chess\n", "no game 'chess'"),
    ("game evil.py\n", "no game 'evil.py'"),
    ("game gomoku9\ne5 e4\n  e5", "line 3, column 3: move 3: e5 is not legal here"),
    ("game gomoku9\ne5 z99", "line 2, column 4: z99 is outside the board"),
    ("game gomoku9\ne5 resign e6", "line 2, column 11: 'e6' after the result"),
    ("game tictactoe\na1 a2 b1 b2 c1 resign", "line 2, column 16: 'resign', but the game is over on the board"),
])  # fmt: skip
def test_a_broken_text_file_is_told_with_the_place(tmp_path, content, message):
    refused(tmp_path / "broken.txt", content, message)


def test_what_cannot_be_read_or_written(tmp_path):
    tictactoe, gomoku = games.get("tictactoe"), games.get("gomoku9")
    with pytest.raises(ValueError, match=r"^there is no file \S*nowhere\.sgf$"):
        read_record(tmp_path / "nowhere.sgf")
    with pytest.raises(ValueError, match=r"^there is no SGF of tictactoe: choose a name without \.sgf$"):
        write_record(tmp_path / "x.sgf", tictactoe, [4])
    with pytest.raises(ValueError, match=r"^a PSQ file holds gomoku, not tictactoe"):
        write_record(tmp_path / "x.psq", tictactoe, [4])
    with pytest.raises(ValueError, match="b2 is not legal here"):
        write_record(tmp_path / "x", tictactoe, [4, 4])
    with pytest.raises(ValueError, match="the result is another than the one on the board"):
        write_record(tmp_path / "x", tictactoe, [0, 3, 1, 4, 2], games.WIN_1)
    for name in ("x.sgf", "x.psq", "x"):
        with pytest.raises(ValueError, match="a result is WIN_0, WIN_1, DRAW or None, not -1"):
            write_record(tmp_path / name, gomoku, [40], games.ONGOING)
    assert list(tmp_path.iterdir()) == []
    write_record(tmp_path / "x.sgf", gomoku, [40])
    with pytest.raises(ValueError, match=r"x\.sgf: a game of gomoku9, not of tictactoe$"):
        read_record(tmp_path / "x.sgf", tictactoe)


def test_what_piskvork_writes(tmp_path):
    """Column and row from 1 at the upper left; names and how it ended are below, or not, and the line ends are its own."""
    path = tmp_path / "0x1-5(1).psq"
    head = "Piskvorky 15x15, 11:11, 1\r\n3,1,0\r\n15,15,1203\r\n8,8,15\r\n"
    for tail in (
        "",
        "-1\r\n",
        "pbrain-a.exe\r\npbrain-b.exe\r\n0\r\n",
        "pbrain-a.exe\r\npbrain-b.exe\r\n1,Freestyle\r\n",
    ):
        path.write_bytes((head + tail).encode())
        record = read_record(path)
        assert record.game.name == "gomoku15"
        assert [record.game.action_text(action) for action in record.moves] == ["c15", "o1", "h8"]
        assert record.result is None
        # In the players' order; the head says that the second one began.
        assert record.names == (("pbrain-b.exe", "pbrain-a.exe") if "pbrain" in tail else ("", ""))
    assert read_record(path, games.get("gomoku15-renju")).game.name == "gomoku15-renju"


def test_a_file_that_leaves_the_rule_open_is_of_the_first_that_allows_its_moves(tmp_path):
    black, white = [(c, 7) for c in (0, 1, 2, 4, 5, 3, 14)], [(c, 0) for c in (0, 2, 4, 6, 8, 10)]
    moves = [(black if i % 2 == 0 else white)[i // 2] for i in range(13)]  # six in a row at move 11, and then more
    letters = "abcdefghijklmno"
    nodes = "".join(f";{'BW'[i % 2]}[{letters[c]}{letters[r]}]" for i, (c, r) in enumerate(moves))
    (tmp_path / "x.sgf").write_text(f"(;GM[4]SZ[15]{nodes})")
    lines = "".join(f"{c + 1},{r + 1},0\n" for c, r in moves)
    (tmp_path / "x.psq").write_text(f"Piskvorky 15x15, 11:11, 0\n{lines}")
    for name in ("x.sgf", "x.psq"):
        record = read_record(tmp_path / name)
        assert (record.game.name, len(record.moves)) == ("gomoku15-standard", 13)
        with pytest.raises(ValueError, match="move 12: the game is over"):
            read_record(tmp_path / name, games.get("gomoku15"))


@pytest.mark.parametrize(("said", "codec", "name"), [
    ("gb2312", "gbk", "王立誠"), ("Shift_JIS", "cp932", "髙尾紳路"), ("big5", "big5", "林海峰"),
])  # fmt: skip
def test_letters_of_a_wider_set_than_sgf_says(tmp_path, said, codec, name):
    text = f"(;GM[1]SZ[9]CA[{said}]PB[{name}]RE[B+R];B[ee];W[cc])"
    (tmp_path / "x.sgf").write_bytes(text.encode(codec))
    record = read_record(tmp_path / "x.sgf")
    assert (record.names[0], record.result, record.resigned) == (name, games.WIN_0, True)


def test_what_is_passed_over_in_sgf(tmp_path):
    """Side variations, whatever is in them; what a file says of its letters where its first bytes say it, too."""
    path = tmp_path / "x.sgf"
    path.write_text("(;GM[1]SZ[9](;B[ee];W[cc])(;B[dd]C[x]C[y]))")
    assert len(read_record(path).moves) == 2
    path.write_bytes(b"\xef\xbb\xbf" + "(;GM[1]SZ[9]CA[GBK]PB[ö];B[ee])".encode())
    assert read_record(path).names == ("ö", "")


def test_texts_that_are_written(tmp_path):
    """Byte for byte."""
    game = games.get("gomoku15-renju")
    moves = [game.parse_action(text) for text in ("h8", "i9", "g7")]
    write_record(tmp_path / "x.sgf", game, moves, games.WIN_0, ("me", "a [b] \\ c\n"))
    head = rf"(;FF[4]GM[4]CA[UTF-8]AP[alphamini:{__version__}]SZ[15]RU[renju]PB[me]PW[a [b\] \\ c]RE[B+R]"
    assert (tmp_path / "x.sgf").read_text() == f"{head}\n;B[hh];W[ig];B[gi]\n)\n"
    write_record(tmp_path / "x.psq", game, moves, names=("7", ""))
    assert (tmp_path / "x.psq").read_text() == "Piskvorky 15x15, 0:0, 0\n8,8,0\n9,7,0\n7,9,0\nhomo-7\nhomo-2\n0\n"
    write_record(tmp_path / "x.txt", game, moves, games.WIN_0)
    assert (tmp_path / "x.txt").read_text() == "game gomoku15-renju\nh8 i9 g7 resign\n"
    write_record(tmp_path / "x.txt", game, moves, games.WIN_1)
    assert (tmp_path / "x.txt").read_text() == "game gomoku15-renju\nh8 i9 g7 0-1\n"


@pytest.mark.parametrize(("family", "size", "points"), [
    ("go", 19, {"aa": 0, "sa": 18, "as": 18 * 19, "dp": 15 * 19 + 3, "": 361}),
    ("gomoku", 15, {"aa": 0, "oo": 224, "hg": 6 * 15 + 7}),
    ("othello", 8, {"a1": 0, "h1": 7, "a8": 56, "d3": 19, "": 64}),
    ("hex", 11, {"a1": 0, "k1": 10, "a11": 110, "e4": 37, "swap-pieces": 121}),
])  # fmt: skip
def test_points(family, size, points):
    for text, number in points.items():
        assert sgf.point(family, size, number) == text
        assert sgf.action(family, size, text) == number
    cells = size * size + (family != "gomoku")
    assert [sgf.action(family, size, sgf.point(family, size, number)) for number in range(cells)] == list(range(cells))
    assert sgf.action("go", 19, "tt") == 361
    assert sgf.action("hex", 11, "C2") == sgf.action("hex", 11, "cb") == 13


@pytest.mark.parametrize("name", BOARDS)
def test_a_library_reads_what_we_write(tmp_path, name):
    """sgfmill's grammar, which knows no game: the same nodes, the same values."""
    for seed in range(5):
        position, path = random_game(name, 30, seed), tmp_path / "x.sgf"
        write_record(path, position.game, position.moves, names=("a]b\\", "ö:("))
        tree = parse_sgf_game(path.read_bytes())
        assert tree.children == []
        root, *moves = tree.sequence
        assert root["PB"] == [rb"a\]b\\"]
        ours = sgf.main_line(path.read_text(encoding="utf-8"))
        assert [{k: [v.encode() for v in p.values] for k, p in node.items()} for node in ours] == [root, *moves]
        assert len(moves) == len(position.moves)


def test_a_library_agrees_on_the_main_line():
    root = sgfmill.Sgf_game.from_bytes(SGF.replace("GM[4]", "GM[1]", 1).encode()).get_main_sequence()
    theirs = [node.get_raw("B") if node.has_property("B") else node.get_raw("W") for node in root[1:]]
    ours = [next(p.values[0].encode() for k, p in node.items() if k in "BW") for node in sgf.main_line(SGF)[1:]]
    assert ours == theirs


@pytest.mark.skipif("othello8" not in SHIPPED, reason="no othello")
def test_othello_files_leave_out_the_passes(tmp_path):
    game = games.get("othello8")
    position = game.initial()
    rng = np.random.default_rng(1)
    while 64 not in position.moves or position.moves[-1] == 64:
        position = game.initial() if position.is_over else position.play(int(rng.choice(position.legal_actions)))
    start = "(;GM[2]SZ[8]AB[e4][d5]AW[d4][e5]"
    moves, at = [], game.initial()
    for action in position.moves:
        if action != 64:
            moves.append(f";{'BW'[at.to_play]}[{game.action_text(action)}]")
        at = at.play(action)
    (tmp_path / "x.sgf").write_text(f"{start}{''.join(moves)})")
    assert read_record(tmp_path / "x.sgf").moves == position.moves


@pytest.mark.skipif("hex11-swap" not in SHIPPED, reason="no hex")
def test_hex_files(tmp_path):
    (tmp_path / "x.sgf").write_text("(;GM[11]SZ[11];B[a2];W[swap-pieces];B[f6];W[resign])")
    record = read_record(tmp_path / "x.sgf")
    assert (record.game.name, record.moves, record.result) == ("hex11-swap", (11, 121, 60), games.WIN_0)
    (tmp_path / "x.sgf").write_text("(;GM[11]SZ[11]RU[no swap];B[a2])")
    assert read_record(tmp_path / "x.sgf").game.name == "hex11"


@pytest.mark.skipif("go9" not in SHIPPED, reason="no go")
def test_go_files(tmp_path):
    for komi, name in (("", "go9"), ("KM[7.5]", "go9"), ("KM[5.500000]", "go9-komi5.5"), ("KM[0]", "go9-komi0")):
        (tmp_path / "x.sgf").write_text(f"(;GM[1]SZ[9]{komi}RE[W+0.5];B[ee];W[];B[tt])")
        record = read_record(tmp_path / "x.sgf")
        assert (record.game.name, record.moves, record.result) == (name, (40, 81, 81), games.WIN_1)
    (tmp_path / "x.sgf").write_text("(;GM[1]SZ[9]KM[-0.0]RE[W+R];B[ee];W[];B[tt];W[])")  # as often as the other side
    record = read_record(tmp_path / "x.sgf")
    assert (record.game.name, record.moves, record.resigned) == ("go9-komi0", (40, 81, 81), False)
