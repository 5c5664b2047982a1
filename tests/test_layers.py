"""Reads the sources: imports run downwards only, and a compiled function calls nothing of another file."""

import ast
import builtins
import sys
from pathlib import Path

import pytest

import games.game
from alphamini import options
from alphamini.search import search

ROOT = Path(__file__).parents[1]
LAYERS = ["games", "search", "model", "records", "learn", "arena", "interfaces"]  # lowest first
COMMANDS = len(LAYERS)  # alphamini/*.py, above them all
THIRD_PARTY = {0: {"numpy", "numba"}, 1: {"numpy", "numba", "llvmlite"}}  # by layer; the later ones are free
CONTRACT = {name for name in vars(games.game) if not name.startswith("_")}
COMPILED = {"njit", "jit"}
INLINED = {"intrinsic"}  # code that numba generates at the place of the call; compiled functions may call their file's
CALLABLE_MODULES = {"np", "numpy", "math", "numba"}


def modules():
    """Every module of the two packages: dotted name -> path."""
    paths = [path for package in ("games", "alphamini") for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports(tree, module, is_package=False):
    """(module, names) of every import in a file, those inside functions and under TYPE_CHECKING included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, set()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".") if is_package else module.split(".")[:-1]
            base = package[: len(package) - node.level + 1] if node.level else []
            yield ".".join([*base, *filter(None, [node.module])]), {alias.name for alias in node.names}


def layer(module):
    """The place of a module in LAYERS, None if it is not ours; `alphamini` itself lies at the bottom."""
    package, *rest = module.split(".")
    if package == "games":
        return 0
    if package != "alphamini":
        return None
    if not rest:
        return 0
    return LAYERS.index(rest[0]) if rest[0] in LAYERS else COMMANDS


def wrong_imports(source, module, leaves=(), is_package=False):
    """What a file imports against the rule. `leaves` are modules of alphamini/ that import nothing of ours."""
    own, wrong = layer(module), []
    for target, names in imports(ast.parse(source), module, is_package):
        top, theirs = target.split(".")[0], layer(target)
        if theirs is None:
            standard = top in sys.stdlib_module_names
            allowed = standard or own not in THIRD_PARTY or top in THIRD_PARTY[own]
        elif target == "alphamini" and names:
            submodules = {f"alphamini.{name}" for name in names if name != "__version__"} - set(leaves)
            allowed = all(layer(name) <= own for name in submodules)
        elif own == 0 and module != "alphamini":
            allowed = top == "games"
        elif own == LAYERS.index("search") and top == "games":
            allowed = target == "games.game" or (target == "games" and names and names <= CONTRACT)
        else:
            allowed = theirs <= own or target in leaves
        if not allowed:
            wrong.append(f"{module} imports {target}")
    return wrong


def foreign_calls(source):
    """Calls in compiled functions of a file to what is not compiled in the same file (numba's own world is allowed)."""
    tree = ast.parse(source)
    compiled = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(_decorator(d)[0] in COMPILED for d in node.decorator_list):
            compiled[node.name] = node
    own = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(_decorator(d)[0] in INLINED for d in node.decorator_list)
    } | set(compiled)
    wrong = []
    imported = {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for name, function in compiled.items():
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or node in function.decorator_list:
                continue
            called, root = node.func, node.func
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            if isinstance(called, ast.Name):
                allowed = called.id in own or called.id == "prange" or hasattr(builtins, called.id)
            else:  # a method of a value is fine, a function of another module is not
                allowed = not isinstance(root, ast.Name) or root.id in CALLABLE_MODULES or root.id not in imported
            if not allowed:
                wrong.append(f"{name} calls {ast.unparse(called)}")
    return wrong


def slow_kernels(source):
    """Compiled functions without nogil=True and cache=True."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if _decorator(decorator)[0] in COMPILED and not {"nogil", "cache"} <= _decorator(decorator)[1]
    ]


def _decorator(node):
    """The name of a decorator and its keywords that are True."""
    call = isinstance(node, ast.Call)
    target = node.func if call else node
    keywords = (
        {k.arg for k in node.keywords if isinstance(k.value, ast.Constant) and k.value.value is True} if call else set()
    )
    return (target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")), keywords


MODULES = modules()
LEAVES = {
    module
    for module, path in MODULES.items()
    if layer(module) == COMMANDS
    and all(layer(target) is None for target, _ in imports(ast.parse(path.read_text()), module))
}


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_downwards(module):
    path = MODULES[module]
    assert wrong_imports(path.read_text(), module, LEAVES, path.name == "__init__.py") == []


@pytest.mark.parametrize("module", MODULES)
def test_compiled_functions_stay_in_their_file(module):
    source = MODULES[module].read_text()
    assert foreign_calls(source) == []
    assert slow_kernels(source) == []


@pytest.mark.parametrize(("module", "source", "right"), [
    ("games.go", "from games.grid import draw", True),
    ("games.go", "import alphamini", False),
    ("games.go", "def f():\n    from alphamini.search import tree", False),
    ("games.go", "import torch", False),
    ("games.go", "from .grid import draw", True),
    ("alphamini.search.tree", "import math, numpy as np\nfrom numba import njit", True),
    ("alphamini.search.tree", "import torch", False),
    ("alphamini.search.tree", "from games import Game, States, ONGOING", True),
    ("alphamini.search.tree", "from games import get", False),
    ("alphamini.search.tree", "from games.gomoku import step", False),
    ("alphamini.search.tree", "from alphamini.model.net import Net", False),
    ("alphamini.search.tree", "from ..model import net", False),
    ("alphamini.search.tree", "from alphamini import selfplay", False),
    ("alphamini.search.tree", "from alphamini import leaf", True),
    ("alphamini.search.tree", "from . import kernels", True),
    ("alphamini.model.net", "import torch\nfrom games import get\nfrom alphamini.search import search", True),
    ("alphamini.model.net", "from alphamini.learn import replay", False),
    ("alphamini.learn.loop", "import alphamini.arena.match", False),
    ("alphamini.arena.match", "from alphamini.learn.teachers import gomoku", True),
    ("alphamini.interfaces.web", "from alphamini.evaluate import main", False),
    ("alphamini.play", "from alphamini.interfaces import terminal", True),
])  # fmt: skip
def test_the_import_rule(module, source, right):
    assert (wrong_imports(source, module, leaves={"alphamini.leaf"}) == []) == right


@pytest.mark.parametrize(("body", "right"), [
    ("return other(x) + np.sqrt(len(x)) + x.sum() + math.exp(1)", True),
    ("return plain(x)", False),
    ("return imported(x)", False),
    ("return module.kernel(x)", False),
    ("return x(1)", False),
    ("step = x\n    return step(1)", False),
])  # fmt: skip
def test_the_kernel_rule(body, right):
    source = f"""
import math, module, numpy as np
from elsewhere import imported
def plain(x): return x
@njit(nogil=True, cache=True)
def other(x): return x
@numba.njit(nogil=True, cache=True)
def kernel(x):
    {body}
"""
    assert (foreign_calls(source) == []) == right


def test_the_decorator_rule():
    source = "@njit\ndef a(): pass\n@njit(cache=True)\ndef b(): pass\n@nb.njit(cache=True, nogil=True)\ndef c(): pass"
    assert slow_kernels(source) == ["a", "b"]


def test_what_stands_twice_for_a_fast_start_is_the_same() -> None:
    assert options.MAX_SIMS == search.MAX_SIMS
