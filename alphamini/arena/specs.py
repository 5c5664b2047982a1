"""How a player is written: `KIND[:ARGUMENT][@key=value,...]`. What the kinds are is in alphamini.arena.players."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Spec:
    kind: str
    argument: str
    options: dict[str, str]


def parse_spec(text: str) -> Spec:
    """ValueError with one line if `text` is not of the form KIND[:ARGUMENT][@key=value,...], each key once."""
    head, at, tail = text.rpartition("@")  # a path may hold an @ too: the last one begins the options
    if not at or "/" in tail or ("=" not in tail and ":" in head):
        head, tail = text, ""
    kind, _, argument = head.partition(":")
    options = {}
    for item in filter(None, tail.split(",")):
        key, equals, value = item.partition("=")
        if not equals or not key or not value:
            raise ValueError(f"player {text!r}: expected key=value after @, got {item!r}")
        if key in options:
            raise ValueError(f"player {text!r}: {key} is given twice")
        options[key] = value
    return Spec(kind, argument, options)
