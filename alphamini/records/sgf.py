"""SGF FF[4] (https://www.red-bean.com/sgf/): go (GM 1), othello (2), gomoku and renju (4), hex (11).

What is read is the main line: the first variation everywhere. Comments, marks and clocks are passed over. A game must
begin from the start position: set-up stones and handicaps are refused. Of a collection the first game is taken; text
before it, say the head of a mail, is passed over.

Points are two letters, column and row from the upper left (cd), in go and gomoku; a letter and a number from the upper
left (c4) in othello and hex. An empty value is a pass. Both ways are read in othello and hex, for both are in use.
Our own parser, for the library for it (sgfmill) passes over junk and cannot say where a file is broken; the tests hold
it against that library.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from alphamini import __version__
from alphamini.records.record import Record, decode, first_that_fits, one_line, play
from games import DRAW, WIN_0, WIN_1, Game, Position, get, named
from games import names as known_names

FAMILIES = {1: "go", 2: "othello", 4: "gomoku", 11: "hex"}  # by GM
NUMBERS = {family: number for number, family in FAMILIES.items()} | {"renju": 4}
SIZES = {"go": 19, "othello": 8, "gomoku": 15, "hex": 11}  # where SZ is missing
NUMBERED = ("othello", "hex")  # points with a number for the row
RULES = {"freestyle": "", "standard": "-standard", "renju": "-renju"}  # RU -> the end of gomoku's name
SETUP = ("AB", "AW", "AE")
SIDES = "BW"
# That CA may name, and by what they are read: files have characters of the wider sets under the narrower ones' names.
ENCODINGS = {"big5": "cp950", "euc-jp": "euc-jp", "euc-kr": "cp949", "gb18030": "gb18030", "gb2312": "gb18030",
             "gbk": "gb18030", "shift_jis": "cp932", "windows-1252": "cp1252"}  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOVES_A_LINE = 10

_TOKEN = re.compile(r"\s*(?:(?P<mark>[();])|(?P<name>[A-Za-z]+)|\[(?P<value>[^\\\]]*(?:\\.[^\\\]]*)*)\])", re.DOTALL)


@dataclass(frozen=True)
class Property:
    """The values of one property in one node, as they stand between the brackets, and where it begins."""

    place: str
    values: list[str] = field(default_factory=list)


Node = dict[str, Property]


def read(data: bytes, expected: Game | None) -> Record:
    """See `read_record`."""
    declared = re.search(rb"CA\[([A-Za-z0-9_-]{1,20})\]", data)
    marked = data.startswith(codecs.BOM_UTF8)  # whatever the file says of itself
    encoding = declared[1].decode().lower() if declared and not marked else ""
    nodes = main_line(decode(data, (ENCODINGS.get(encoding, "utf-8-sig"),)))
    root = nodes[0]
    family = _family(root)
    size = _size(root, family)
    swapped = any("swap" in value for node in nodes for side in SIDES if side in node for value in node[side].values)
    games = _games(root, family, size, swapped, expected)
    return first_that_fits(games, lambda game: _replay(game, nodes, family, size))


def _replay(game: Game, nodes: list[Node], family: str, size: int) -> Record:
    """The record of the nodes as a game of `game`."""
    root = nodes[0]
    position, end = game.initial(), _value(root, "RE")
    result, resigned = _result(end), end.lower().endswith(("+r", "+resign"))
    for node in nodes:
        _refuse_setup(node, node is root, family, position)
        for name, found in node.items():
            if name in ("B", "W"):
                value = _single(found, name)
                if value.lower() in ("resign", "forfeit") and family == "hex":
                    result, resigned = 1 - SIDES.index(name), True
                    continue
                if position.is_over and family == "go" and action(family, size, value) == size * size:
                    continue  # some rules have both sides pass as often
                position = _move(position, SIDES.index(name), value, family, size, found.place)
    names = (one_line(_value(root, "PB")), one_line(_value(root, "PW")))
    if position.is_over and (family != "go" or result is None):  # go may have been counted in another way than ours
        result = position.outcome
    return Record(game, position.moves, result, names, resigned and not position.is_over)


def write(record: Record) -> bytes:
    """Players' names are written in UTF-8."""
    game = record.game
    if game.family not in NUMBERS:
        raise ValueError(f"there is no SGF of {game.name}: choose a name without .sgf")
    family, size = FAMILIES[NUMBERS[game.family]], game.shape[0]
    head = {
        "FF": "4",
        "GM": str(NUMBERS[game.family]),
        "CA": "UTF-8",
        "AP": f"alphamini:{__version__}",
        "SZ": str(size),
    }
    end = game.name.removeprefix(f"{family}{size}")
    if family == "gomoku":
        head["RU"] = next(rule for rule, suffix in RULES.items() if suffix == end)
    elif family == "go":
        head["KM"] = f"{game.initial().state['komi'][0] / 2:g}"
    elif end == "-swap":
        head["RU"] = "swap"
    head |= {f"P{side}": one_line(name) for side, name in zip(SIDES, record.names, strict=True) if one_line(name)}
    if record.result is not None:
        over = record.position().is_over
        head["RE"] = "0" if record.result == DRAW else f"{SIDES[record.result]}+{'' if over else 'R'}"
    position, moves = game.initial(), []
    for action in record.moves:
        moves.append(f";{SIDES[position.to_play]}[{point(family, size, action)}]")
        position = position.play(action)
    lines = ["".join(moves[i : i + MOVES_A_LINE]) for i in range(0, len(moves), MOVES_A_LINE)]
    return "\n".join(["(;" + "".join(f"{k}[{escaped(v)}]" for k, v in head.items()), *lines, ")", ""]).encode()


def point(family: str, size: int, action: int) -> str:
    """An action as SGF has it; the one after the cells is a pass, in hex the swap."""
    if action == size * size:
        return "swap-pieces" if family == "hex" else ""
    row, column = divmod(action, size)
    return f"{LETTERS[column]}{row + 1}" if family in NUMBERED else LETTERS[column] + LETTERS[row]


def action(family: str, size: int, value: str) -> int:
    """The inverse of `point`; ValueError, one line, if it is no move."""
    passing = family in ("go", "othello") and (value == "" or (value == "tt" and size < 20))
    if (
        passing
        or (family == "othello" and value.lower() == "pass")
        or (family == "hex" and value.lower() == "swap-pieces")
    ):
        return size * size
    if family in NUMBERED and (match := re.fullmatch(r"([A-Za-z])([1-9][0-9]?)", value)):
        column, row = LETTERS.index(match[1].lower()), int(match[2]) - 1
    elif re.fullmatch(r"[A-Za-z]{2}", value):
        column, row = (LETTERS.index(letter) for letter in value)
    else:
        raise ValueError(f"{value[:20]!r} is no move")
    if column >= size or row >= size:
        raise ValueError(f"{value!r} is outside the board")
    return row * size + column


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("]", "\\]")


def unescaped(value: str) -> str:
    """A value as it is meant: a backslash before a line end joins lines, before anything else it stands for that."""
    return re.sub(r"\\(.)", lambda match: "" if match[1] == "\n" else match[1], value, flags=re.DOTALL)


def tokens(text: str) -> Iterator[tuple[str, str, str]]:
    """(kind, text, place) of every token: "mark" is one of `(`, `)`, `;`. ValueError with the place of what is none."""
    at, end = _begin(text), len(text.rstrip())
    line, line_start, counted = 1, 0, 0
    while at < end:
        match = _TOKEN.match(text, at)
        start = match.start(match.lastgroup or 0) if match else at + len(text[at:]) - len(text[at:].lstrip())
        line += text.count("\n", counted, start)
        line_start = max(line_start, text.rfind("\n", counted, start) + 1)
        counted = start
        place = f"line {line}, column {start - line_start + 1}"
        if match is None or match.lastgroup is None:
            wrong = "a value without its end, ]" if text[start] == "[" else f"unexpected {text[start]!r}"
            raise ValueError(f"{place}: {wrong}")
        yield match.lastgroup, match[match.lastgroup], place
        at = match.end()


def _begin(text: str) -> int:
    """Where the games begin: the specification has readers pass over text before the first `(;`."""
    game = re.search(r"\(\s*;", text)
    return game.start() if game and not text.lstrip().startswith("(") else 0


def main_line(text: str) -> list[Node]:
    """The nodes of the first game's main line, one at least; ValueError with the place if the file is malformed."""
    nodes: list[Node] = []
    depth, ended = 0, False  # open parentheses; is the main line complete?
    node: Node | None = None
    found: Property | None = None  # the property whose values come
    for kind, word, place in tokens(text):
        if kind != "value" and found is not None and not found.values:
            raise ValueError(f"{found.place}: a property without a value")
        if kind == "value":
            if found is None:
                raise ValueError(f"{place}: a value without a property")
            found.values.append(word)
            continue
        found = None
        if kind == "name":
            name = "".join(letter for letter in word if letter.isupper())  # FF[3] wrote CoPyright for CP
            if node is None or not name:
                raise ValueError(f"{place}: unexpected {word[:20]!r}")
            found = node.setdefault(name, Property(place))
            if found.values and not ended:
                raise ValueError(f"{place}: {name} stands twice in one node")
        elif word == ";" and depth:
            node = {}
            if not ended:
                nodes.append(node)
        elif word == "(":
            depth, node = depth + 1, None
        elif word == ")" and depth:
            depth, node, ended = depth - 1, None, True
            if depth == 0:
                break
        else:
            raise ValueError(f"{place}: an SGF file begins with (;")
    if depth or not ended:
        raise ValueError(f"line {text.count(chr(10)) + 1}: the file ends before its game does")
    if not nodes:
        raise ValueError("line 1: a game without a node")
    return nodes


def _value(node: Node, name: str) -> str:
    """A property's one value, "" if it is not there."""
    return _single(node[name], name) if name in node else ""


def _single(found: Property, name: str) -> str:
    if len(found.values) != 1:
        raise ValueError(f"{found.place}: {name} has {len(found.values)} values, expected one")
    return unescaped(found.values[0]).strip()


def _family(root: Node) -> str:
    number = _value(root, "GM") or "1"
    if not re.fullmatch(r"[0-9]{1,3}", number) or int(number) not in FAMILIES:
        known = ", ".join(f"{number} {family}" for number, family in FAMILIES.items())
        raise ValueError(f"{root['GM'].place}: GM {number[:20]!r} is no game that is known here ({known})")
    return FAMILIES[int(number)]


def _size(root: Node, family: str) -> int:
    text = _value(root, "SZ") or str(SIZES[family])
    match = re.fullmatch(r"([0-9]{1,2})(?::([0-9]{1,2}))?", text)
    if not match or (match[2] and int(match[2]) != int(match[1])):
        raise ValueError(f"{root['SZ'].place}: expected the size of a square board, got {text[:20]!r}")
    return int(match[1])


def _games(root: Node, family: str, size: int, swapped: bool, expected: Game | None) -> list[Game]:
    """The games that the root may mean, the likeliest first; `expected` alone where it fits."""
    rule, komi, base = _value(root, "RU").lower(), _value(root, "KM"), f"{family}{size}"
    if family == "gomoku":
        names = [base + RULES[rule]] if rule in RULES else [base + end for end in RULES.values()]
    elif family == "go" and komi:
        if not re.fullmatch(r"-?[0-9]{1,4}(\.[0-9]{0,3}0*)?", komi):
            raise ValueError(f"{root['KM'].place}: expected a number, got {komi[:20]!r}")
        names = [f"{base}-komi{float(komi) + 0.0:g}"]  # -0 is 0
    elif family == "go" and expected is not None and (expected.family, expected.shape) == ("go", (size, size)):
        names = [expected.name]
    elif family == "hex":
        swapped = swapped or ("swap" in rule and not re.search(r"\bno\W*swap", rule))
        names = [base + "-swap"] if swapped else [base, base + "-swap"]
    else:
        names = [base]
    if expected is not None and expected.name in names:
        return [expected]
    try:
        first = named(names[0])
    except ValueError:
        raise ValueError(f"no {names[0]} here") from None
    return [first, *(get(name) for name in names[1:] if name in known_names())]


def _refuse_setup(node: Node, first: bool, family: str, position: Position) -> None:
    """ValueError if the node puts stones on the board. Othello's four of the start may be written down."""
    if first and family == "othello" and set(node) & set(SETUP) == {"AB", "AW"}:
        size = position.game.shape[0]
        high, low = size // 2 - 1, size // 2
        start = {"AB": {high * size + low, low * size + high}, "AW": {high * size + high, low * size + low}}
        try:
            if all({action(family, size, v) for v in node[name].values} == start[name] for name in start):
                return
        except ValueError:
            pass
    for name in SETUP:
        if name in node:
            raise ValueError(f"{node[name].place}: {name}: games with stones that are set up cannot be read")
    if _value(node, "HA") not in ("", "0", "1"):
        raise ValueError(f"{node['HA'].place}: HA: games with a handicap cannot be read")


def _move(position: Position, player: int, value: str, family: str, size: int, place: str) -> Position:
    number = f"{place}: move {len(position.moves) + 1}"
    try:
        chosen = action(family, size, value)
    except ValueError as error:
        raise ValueError(f"{number}: {error}") from None
    if player != position.to_play and not position.is_over:
        if family != "othello" or position.legal_actions != [size * size]:
            raise ValueError(f"{number}: {SIDES[player]} moves, but it is the turn of {SIDES[position.to_play]}")
        position = position.play(size * size)  # many files leave out that who cannot move passes
    return play(position, chosen, place)


def _result(text: str) -> int | None:
    """RE: B+3.5, W+R, 0 or Draw; None for anything else."""
    if match := re.match(r"([BW])\+", text):
        return (WIN_0, WIN_1)[SIDES.index(match[1])]
    return DRAW if text.lower() in ("0", "draw", "jigo") else None
