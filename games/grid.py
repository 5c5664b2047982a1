"""Boards of cells: their symmetries, coordinates and how they are drawn. Shared by the games that have one."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

LETTERS = "abcdefghijklmnopqrstuvwxyz"
_RED, _BLUE, _BOLD, _OFF = "\x1b[31m", "\x1b[34m", "\x1b[1m", "\x1b[0m"


def square_symmetries(n: int) -> NDArray[np.int32]:
    """i4[8, n*n]: the images of every cell under the dihedral group of the square, identity first."""
    cells = np.arange(n * n, dtype=np.int32).reshape(n, n)
    turned = [np.rot90(cells, k) for k in range(4)]
    images = turned + [np.fliplr(t) for t in turned]
    # images[s][r, c] is the cell that lands on (r, c); its inverse sends a cell to its image.
    return np.stack([np.argsort(image.reshape(-1)) for image in images]).astype(np.int32)


def mirror_symmetries(height: int, width: int) -> NDArray[np.int32]:
    """i4[2, height*width]: the identity and the left-right mirror."""
    cells = np.arange(height * width, dtype=np.int32).reshape(height, width)
    return np.stack([cells.reshape(-1), np.fliplr(cells).reshape(-1)]).astype(np.int32)


def cell_text(cell: int, height: int, width: int, from_top: bool = False, letters: str = LETTERS) -> str:
    """Column letter from the left, row number from the bottom: the lower left cell is a1; or from the top."""
    row, column = divmod(cell, width)
    return f"{letters[column]}{row + 1 if from_top else height - row}"


def parse_cell(text: str, height: int, width: int, from_top: bool = False, letters: str = LETTERS) -> int:
    """The inverse of `cell_text`, either letter case; ValueError with one line that says what was expected."""
    last = f"{letters[width - 1]}{height}"
    match = re.fullmatch(r"\s*([a-zA-Z])\s*([0-9]{1,2})\s*", text)
    if not match:
        raise ValueError(f"expected a cell like a1 or {last}, got {text.strip()[:20]!r}")
    column, number = letters.find(match[1].lower()), int(match[2])
    row = number - 1 if from_top else height - number
    if not (0 <= column < width and 0 <= row < height):
        raise ValueError(f"{match[1]}{match[2]} is outside the board (a1 to {last})")
    return row * width + column


def draw(
    stones: NDArray[np.int8],
    last: int | None,
    colour: bool,
    row_numbers: bool = True,
    from_top: bool = False,
    letters: str = LETTERS,
    rhombus: bool = False,
) -> str:
    """The board as text. `stones` i1[H, W]: 0 empty, 1 player 0 (x), 2 player 1 (o); `last` is a cell, or None.

    The last move stands in brackets, so that it shows without colours too. On a `rhombus` each row stands half a cell
    further to the right, so that the six cells around a cell touch it.
    """
    height, width = stones.shape
    header = "   " + " ".join(letters[:width] if row_numbers else "123456789"[:width])
    lines = [header]
    for row in range(height):
        cells = []
        for column in range(width):
            stone = int(stones[row, column])
            symbol = ".xo"[stone]
            if colour and stone:
                strong = _BOLD if row * width + column == last else ""
                symbol = f"{strong}{_RED if stone == 1 else _BLUE}{symbol}{_OFF}"
            cells.append(symbol)
        gaps = [" "] * (width + 1)
        if last is not None and last // width == row:
            gaps[last % width], gaps[last % width + 1] = "(", ")"
        body = "".join(gap + cell for gap, cell in zip(gaps, cells, strict=False)) + gaps[width]
        number = row + 1 if from_top else height - row
        line = f"{number:2d}{body.rstrip()} {number}" if row_numbers else f"  {body}".rstrip()
        lines.append(" " * row + line if rhombus else line)
    if rhombus:
        lines.append(" " * height + header)
    return "\n".join(lines)
