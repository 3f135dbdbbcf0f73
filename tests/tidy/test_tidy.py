"""Style that a linter cannot say, as a test: sizes, floats, leftovers, dead modules."""

import ast
import re
from pathlib import Path

import pytest

from gateway.app import PROCESSES

ROOT = Path(__file__).parents[2]
ROOMS = ("engine", "custody", "compliance", "gateway")
NEWLINE = "\n"

MAX_FUNCTION_LINES = 70
MAX_MODULE_LINES = 700

EXACT = ("engine", "custody", "compliance")
"""Rooms in which money lives: no float may be made there."""


def parsed(*folders):
    """(name, text, tree) of every module in some folders."""
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    texts = {p: p.read_text() for p in paths if "node_modules" not in p.parts}
    return [(str(p.relative_to(ROOT)), text, ast.parse(text)) for p, text in texts.items()]


@pytest.fixture(scope="module")
def sources():
    return parsed(*ROOMS)


@pytest.fixture(scope="module")
def everything(sources):
    return [*sources, *parsed("tests", "benchmarks")]


def test_there_is_something_to_look_at(sources):
    assert len(sources) > 50


def test_modules_and_functions_fit_a_reader(everything):
    """One concept a file, and a function on a screen."""
    long = []
    for path, text, tree in everything:
        if text.count("\n") > MAX_MODULE_LINES:
            long.append(f"{path} has {text.count(NEWLINE)} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long.append(f"{path}: {node.name} has {lines} lines")
    assert long == []


def test_no_float_where_money_lives(sources):
    found = []
    for path, _, tree in sources:
        if not path.startswith(EXACT):
            continue
        for node in ast.walk(tree):
            is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
            is_float = is_float or (isinstance(node, ast.Name) and node.id == "float")
            is_float = is_float or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
            if is_float and not _is_path(node):
                found.append(f"{path}:{node.lineno} makes a float")
    assert found == []


def _is_path(node):
    """`folder / name` is a path, not a division."""
    return isinstance(node, ast.BinOp) and "folder" in ast.unparse(node)


def test_every_module_says_what_it_is(sources):
    assert [path for path, _, tree in sources if not ast.get_docstring(tree)] == []


def test_nothing_is_left_for_later(sources):
    left = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [path for path, text, _ in sources if left.search(text)] == []


def test_every_module_is_reachable(sources, everything):
    """A module that nobody imports is dead, unless it is a program."""
    programs = {"gateway.cli", "gateway.app"}
    packages = {"custody", "compliance"}
    by_path = "custody.store.migrations"  # alembic loads its scripts itself
    imported = {f"gateway.processes.{where.partition(':')[0]}" for where in PROCESSES.values()}
    for _, _, tree in everything:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
                imported.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
    for path, _, _ in sources:
        module = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        reachable = module in imported | programs | packages or module.startswith(by_path)
        assert reachable or any(name.startswith(module + ".") for name in imported), module
