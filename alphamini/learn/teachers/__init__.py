"""Scripted teachers: small hand-written players whose games a net imitates before it plays itself."""

from __future__ import annotations

import importlib

from alphamini.learn.teachers.teacher import Teacher
from games import Game

_FAMILIES = ("connect4", "gomoku", "tictactoe")

__all__ = ["Teacher", "get_teacher", "has_teacher"]


def has_teacher(game: Game) -> bool:
    """Is there a teacher for the game's family?"""
    return game.family in _FAMILIES


def get_teacher(game: Game) -> Teacher:
    """The teacher of the game's family; ValueError with one line if it has none."""
    if not has_teacher(game):
        raise ValueError(f"no scripted teacher for {game.name}; there are teachers for {', '.join(_FAMILIES)}")
    teacher: Teacher = importlib.import_module(f"alphamini.learn.teachers.{game.family}").TEACHER
    return teacher
