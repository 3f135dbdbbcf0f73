"""Style that a linter cannot say, as a test: sizes, floats, leftovers, dead modules."""

import ast
import re
from pathlib import Path

import pytest

from gateway.app import PROCESSES

ROOT = Path(__file__).parents[2]
ROOMS = ("engine", "custody", "compliance", "gateway")
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
ALL_PYTHON = [
    *SOURCES,
    *sorted(p for p in (ROOT / "tests").rglob("*.py") if "node_modules" not in p.parts),
    *(ROOT / "benchmarks").rglob("*.py"),
]

MAX_FUNCTION_LINES = 70
MAX_MODULE_LINES = 700

EXACT = ("engine", "custody", "compliance")
"""Rooms in which money lives: no float may be made there."""


def names(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 50


@pytest.mark.parametrize("name", names(ALL_PYTHON))
def test_modules_and_functions_fit_a_reader(name):
    text = (ROOT / name).read_text()
    assert text.count("\n") <= MAX_MODULE_LINES, f"{name} is too long: one concept a file"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.lineno + 1
            assert lines <= MAX_FUNCTION_LINES, f"{name}: {node.name} has {lines} lines"


@pytest.mark.parametrize("name", [n for n in names(SOURCES) if n.startswith(EXACT)])
def test_no_float_where_money_lives(name):
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        is_float = isinstance(node, ast.Constant) and isinstance(node.value, float)
        is_float = is_float or (isinstance(node, ast.Name) and node.id == "float")
        is_float = is_float or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div))
        assert not is_float or _is_path(node), f"{name}:{node.lineno} makes a float"


def _is_path(node):
    """`folder / name` is a path, not a division."""
    return isinstance(node, ast.BinOp) and "folder" in ast.unparse(node)


@pytest.mark.parametrize("name", names(SOURCES))
def test_every_name_for_others_says_what_it_is(name):
    tree = ast.parse((ROOT / name).read_text())
    assert ast.get_docstring(tree), f"{name} has no docstring"


@pytest.mark.parametrize("name", names(SOURCES))
def test_nothing_is_left_for_later(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", text)


def test_every_module_is_reachable():
    """A module that nobody imports is dead, unless it is a program."""
    programs = {"gateway.cli", "gateway.app"}
    packages = {"custody", "compliance"}
    by_path = "custody.store.migrations"  # alembic loads its scripts itself
    imported = {f"gateway.processes.{where.partition(':')[0]}" for where in PROCESSES.values()}
    for path in ALL_PYTHON:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
                imported.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        reachable = module in imported | programs | packages or module.startswith(by_path)
        assert reachable or any(name.startswith(module + ".") for name in imported), module
