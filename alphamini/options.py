"""Command lines from frozen dataclasses: a field is an option, its annotation the help, its default the default."""

from __future__ import annotations

import argparse
import errno
import io
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")
MAX_SECONDS = 3600
MAX_SIMS = 1_000_000  # as alphamini.search has it, which is slow to import


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows each option's default, where there is one to show."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, argparse.SUPPRESS) else super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """Bad input: one line on standard error, exit status 2."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}\n")


def parser(module: str, description: str) -> Parser:
    return Parser(
        prog=f"python -m alphamini.{module}",
        description=description,
        formatter_class=_Help,
        allow_abbrev=False,
    )


def add_fields(to: argparse.ArgumentParser, defaults: Any, skip: tuple[str, ...] = ()) -> None:
    """An option for every field of the dataclass instance `defaults`, nested dataclasses laid flat."""
    hints = get_type_hints(type(defaults), include_extras=True)
    for field in fields(defaults):
        value = getattr(defaults, field.name)
        if is_dataclass(value):
            add_fields(to, value, skip)
            continue
        if field.name in skip:
            continue
        flag, text = "--" + field.name.replace("_", "-"), _help(hints[field.name])
        kind, many = _kind(hints[field.name])
        shown = text if value in (None, "") or many else f"{text} ({value})"
        if isinstance(value, bool):
            # Absent stays None, so that a resume can tell "not said" from "said so".
            to.add_argument(flag, action="store_true", default=None, help=text)
        else:
            to.add_argument(flag, type=kind, metavar=kind.__name__.upper(), help=shown, default=argparse.SUPPRESS,
                            action="append" if many else "store")  # fmt: skip


def read_fields(defaults: T, arguments: argparse.Namespace) -> T:
    """`defaults` with what the command line said."""
    changes: dict[str, Any] = {}
    for field in fields(defaults):  # type: ignore[arg-type]
        value = getattr(defaults, field.name)
        if is_dataclass(value):
            changes[field.name] = read_fields(value, arguments)
        elif (said := getattr(arguments, field.name, None)) is not None:
            changes[field.name] = tuple(said) if isinstance(value, tuple) else said
    return replace(defaults, **changes)  # type: ignore[type-var]


def positive_seconds(text: str) -> float:
    """The type of an option that is a time."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= MAX_SECONDS:
        raise argparse.ArgumentTypeError(f"must be a number above 0 and up to {MAX_SECONDS}, not {text!r}")
    return value


def positive_sims(text: str) -> int:
    """The type of an option that is a number of simulations."""
    if not text.isdecimal() or not 1 <= int(text) <= MAX_SIMS:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_SIMS}, not {text!r}")
    return int(text)


def _help(hint: Any) -> str:
    return str(get_args(hint)[1]) if get_origin(hint) is Annotated else ""


def _kind(hint: Any) -> tuple[Any, bool]:
    """(the type of an option's value, whether it may be given several times), from `int`, `Path | None`,
    `tuple[str, ...]`, each perhaps annotated."""
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True
    choices = [choice for choice in get_args(hint) if choice is not type(None)]
    return (choices[0] if choices else hint), False


def check_ours(path: Path, ours: Callable[[bytes], bool]) -> None:
    """ValueError, one line, if a file at `path` has a content that is not `ours`: nothing of the user's may be lost."""
    if path.is_file() and (content := path.read_bytes()) and not ours(content):
        raise ValueError(f"cannot write {path}: what is there is something else; choose another name")


def check_writable(path: Path, ours: Callable[[bytes], bool]) -> None:
    """ValueError, one line, if no file can be written at `path`: said before the work, not after it. What is there may be
    written over if its content is `ours`."""
    try:
        if path.suffix == ".safetensors":  # a slip in --levels --out NET.json would cost the net
            raise OSError(errno.EINVAL, "that is a net's name")
        if path.exists() and not path.is_file():  # something renamed into its place would end it
            raise OSError(errno.EINVAL, "it is a folder" if path.is_dir() else "it is no regular file")
        check_ours(path, ours)
        folder = next(parent for parent in Path(os.path.realpath(path)).parents if os.path.lexists(parent))
        with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None


def python_command() -> str:
    """What to type for the Python that runs this: `python` where a shell finds this one by it, else its path."""
    ours, found = Path(sys.executable), shutil.which("python")
    if found and Path(os.path.abspath(found)).parent == ours.parent and ours.samefile(found):
        return "python"
    return str(ours.relative_to(Path.cwd()) if ours.is_relative_to(Path.cwd()) else ours)


def run_command(main: Callable[[], None]) -> None:
    """Runs a command's `main`: what is wrong with the user's input becomes one line and exit status 2."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:  # see alphamini/__init__.py
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without a character is no reason to fail
    if sys.stderr is None:  # closed: bars and complaints go nowhere, and no file that is opened gets its number
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (lives as long as we)
    threading.excepthook = _thread_ended
    try:
        try:
            main()
        finally:
            _flush_output()
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            sys.stderr.close()  # the reader has gone: nothing left to say
            sys.exit(141)
        sys.exit(_complain(_one_line(error)))
    except MemoryError as error:
        sys.exit(_complain("not enough memory" + (f": {error}" if str(error) else "")))
    except KeyboardInterrupt:
        sys.exit(130)


def _thread_ended(by: threading.ExceptHookArgs) -> None:
    """The thread that writes TensorBoard's files raises what it could not do in the main thread, too: no traceback."""
    if not isinstance(by.exc_value, OSError):
        threading.__excepthook__(by)


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _flush_output() -> None:
    """OSError if what was printed cannot be delivered: the interpreter, at its end, would say so in its own way."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what it still holds
        raise


def _complain(line: str) -> int:
    print(f"error: {line}", file=sys.stderr)
    return 2
