"""Every change of a Python file that a test should notice, one at a time."""

import ast
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from .project import ROOT

Node = TypeVar("Node", bound=ast.AST)

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
}
OPERATORS: dict[type[ast.AST], ast.AST] = {
    **{ast.And: ast.Or(), ast.Or: ast.And()},
    **{ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.FloorDiv(), ast.FloorDiv: ast.Mult()},
}
TEXT = "mutant"
LONGEST = 100
"""Characters of code that a change is told with."""


@dataclass(frozen=True)
class Mutant:
    """One change of a file's tree, which `apply` makes; the line and its code; the lines of the whole statement."""

    path: Path
    tree: ast.Module
    line: int
    code: str
    statement: range
    change: str
    apply: Callable[[], None]

    @property
    def file(self) -> str:
        """The path within the project."""
        return str(self.path.relative_to(ROOT))


def _code(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _with(node: Node, **fields: object) -> Node:
    """A copy of a node with other fields."""
    new = copy(node)
    vars(new).update(fields)
    return new


def _without(parts: Sequence[Any], i: int) -> list[Any]:
    return [*parts[:i], *parts[i + 1 :]]


def _constants(node: ast.Constant) -> Iterator[ast.Constant]:
    match node.value:
        case bool():
            yield _with(node, value=not node.value)
        case int() | float():
            yield _with(node, value=node.value + 1)
        case str():
            yield _with(node, value=TEXT)
        case _:
            pass


def _operators(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for i, op in enumerate(node.ops):
                yield _with(node, ops=[*node.ops[:i], COMPARISONS[type(op)](), *node.ops[i + 1 :]])
        case ast.BoolOp() | ast.BinOp() if type(node.op) in OPERATORS:
            yield _with(node, op=OPERATORS[type(node.op)])
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case _:
            pass


def _removals(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """A call without one of its keywords, a dictionary or a list without one of its entries, and what is gone."""
    match node:
        case ast.Call():
            for i, keyword in enumerate(node.keywords):
                yield _with(node, keywords=_without(node.keywords, i)), _code(keyword)
        case ast.Dict():
            for i, (key, value) in enumerate(zip(node.keys, node.values, strict=True)):
                gone = f"{_code(key)}: {_code(value)}" if key else f"**{_code(value)}"
                yield _with(node, keys=_without(node.keys, i), values=_without(node.values, i)), gone
        case ast.List(ctx=ast.Load()) | ast.Tuple(ctx=ast.Load()) | ast.Set():
            for i, element in enumerate(node.elts):
                if not isinstance(element, ast.Constant):  # which is changed by itself
                    yield _with(node, elts=_without(node.elts, i)), _code(element)
        case _:
            pass


def _changes(node: ast.AST, role: str) -> Iterator[tuple[ast.AST, str]]:
    """What may stand in place of a node that has this role in its parent, and how the change reads."""
    if isinstance(node, ast.Constant) and role != "keys":  # an entry of a dictionary goes as a whole
        for new in _constants(node):
            yield new, f"{node.value!r} -> {new.value!r}"
    for new in _operators(node):
        yield new, f"{_code(node)} -> {_code(new)}"
    for new, gone in _removals(node) if role != "slice" else ():
        yield new, f"no {gone}"
    if (
        role in ("test", "ifs", "guard")
        and isinstance(node, ast.expr)
        and not isinstance(node, ast.Compare | ast.UnaryOp)
    ):
        yield ast.UnaryOp(ast.Not(), node), f"if {_code(node)} -> if not"


def _header(statement: ast.stmt) -> range:
    """The lines of a statement, without those of the statements in it."""
    body: list[ast.stmt] = getattr(statement, "body", [])
    first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
    return range(first, max(first + 1, body[0].lineno) if body else (statement.end_lineno or first) + 1)


def _setter(parent: ast.AST, role: str, index: int | None, new: ast.AST) -> Callable[[], None]:
    def apply() -> None:
        if index is None:
            setattr(parent, role, new)
        else:
            getattr(parent, role)[index] = new

    return apply


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def mutants(path: Path) -> Iterator[Mutant]:
    """Every change of a file, but of docstrings, and of types in signatures, which only a type checker reads."""
    text = path.read_text()
    tree, lines = ast.parse(text), text.splitlines()

    def walk(parent: ast.AST, statement: range) -> Iterator[Mutant]:
        for role, value in ast.iter_fields(parent):
            if role == "returns" or (role == "annotation" and isinstance(parent, ast.arg)):
                continue
            for i, node in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(node, ast.AST) or _is_docstring(node):
                    continue
                here = _header(node) if isinstance(node, ast.stmt) else statement
                for new, change in _changes(node, role):
                    ast.fix_missing_locations(ast.copy_location(new, node))
                    apply = _setter(parent, role, i if isinstance(value, list) else None, new)
                    line = getattr(node, "lineno", here.start)
                    yield Mutant(path, tree, line, lines[line - 1].strip(), here, change, apply)
                yield from walk(node, here)

    yield from walk(tree, range(1, 1))
