"""Generates the mutations of a module: conditions, comparisons, signs, roundings, arguments, statements.

Texts and types are not mutated.
"""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

Path = tuple[tuple[str, int | None], ...]

_FLIPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SIGNS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.Div: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
}
_INTERCHANGEABLE = (
    ("ROUND_HALF_EVEN", "ROUND_HALF_UP", "ROUND_HALF_DOWN", "ROUND_DOWN", "ROUND_UP"),
    ("min", "max"),
    ("any", "all"),
)
# Fields that are not mutated: types, texts, and how a class is made.
_LEFT_ALONE = {"annotation", "returns", "decorator_list", "bases"}
# Decorators under which the function can be found.
_TRANSPARENT = {"property", "classmethod", "staticmethod", "contextmanager", "asynccontextmanager", "cache"}
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Mutation:
    """One change: where it is, the code before and after.

    Args:
        path: the path from the module to the node.
        scope: the function or class that it is in.
        function: the only function whose code it changes, and its lines; None if it changes the module.
        line: the line number, for the output.
        before: the code before.
        after: the code after.
        node: the new node; None removes the old one.
    """

    path: Path
    scope: str
    function: tuple[str, range] | None
    line: int
    before: str
    after: str
    node: ast.AST | None

    @property
    def described(self) -> str:
        """Return the change in a form that does not depend on line numbers."""
        return f"{self.scope}: {self.before} → {self.after}"

    def applied(self, tree: ast.Module) -> ast.Module:
        """Return the module with this change."""
        changed = copy.deepcopy(tree)
        parent: ast.AST = changed
        for field, index in self.path[:-1]:
            member = getattr(parent, field)
            parent = member if index is None else member[index]
        field, index = self.path[-1]
        if index is None:
            setattr(parent, field, self.node)
        elif self.node is None:
            del getattr(parent, field)[index]
            if isinstance(parent, ast.Dict):
                del parent.values[index]
        else:
            getattr(parent, field)[index] = self.node
        return ast.fix_missing_locations(changed)


def mutations(tree: ast.Module) -> Iterator[Mutation]:
    """Yield every mutation of a module."""
    yield from _within(tree, (), "module", None)


def _within(node: ast.AST, path: Path, scope: str, function: tuple[str, range] | None) -> Iterator[Mutation]:
    if isinstance(node, _Function | ast.ClassDef):
        scope = node.name if scope == "module" else f"{scope}.{node.name}"
    for field, member in ast.iter_fields(node):
        if field in _LEFT_ALONE or isinstance(node, ast.JoinedStr) or _is_alias(node, scope):
            continue
        inside = function or _body(node, field, scope)
        members = enumerate(member) if isinstance(member, list) else [(None, member)]
        for index, child in members:
            if not isinstance(child, ast.AST):
                continue
            here = (*path, (field, index))
            for changed in _changes(node, field, child):
                after = "nothing" if changed is None else ast.unparse(changed)
                yield Mutation(here, scope, inside, _line(child, node), ast.unparse(child), after, changed)
            yield from _within(child, here, scope, inside)


def _body(node: ast.AST, field: str, scope: str) -> tuple[str, range] | None:
    """Return a function's name and lines if this is its body; its defaults belong to the module."""
    if not isinstance(node, _Function) or field != "body":
        return None
    if any(ast.unparse(decorator) not in _TRANSPARENT for decorator in node.decorator_list):
        return None
    if any(isinstance(name, ast.Name) and name.id == "super" for name in ast.walk(node)):
        return None  # `super()` needs more than the code object
    return scope, range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _is_alias(node: ast.AST, scope: str) -> bool:
    """Return whether this names a type, such as `Verdict = Change | Refusal`, or a `TypeVar` and its bound."""
    if scope != "module" or not isinstance(node, ast.Assign):
        return False
    match node.value:
        case ast.Call(func=ast.Name(id="TypeVar")) | ast.BinOp() | ast.Subscript():
            return True
    return False


def _line(child: ast.AST, parent: ast.AST) -> int:
    return int(getattr(child, "lineno", getattr(parent, "lineno", 0)))


def _changes(parent: ast.AST, field: str, node: ast.AST) -> Iterator[ast.AST | None]:
    if _is_condition(parent, field):
        # `while True` is what it is already.
        yield from (ast.Constant(value) for value in (True, False) if ast.unparse(node) != str(value))
    if _is_dispensable(parent, field, node):
        yield None
    if isinstance(node, ast.expr):
        yield from _of_expression(node)
    elif isinstance(node, ast.Raise | ast.AugAssign) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await | ast.Yield | ast.YieldFrom)
    ):
        yield ast.Pass()
    if isinstance(node, ast.AugAssign):
        for other in _SIGNS.get(type(node.op), ()):
            yield ast.AugAssign(target=node.target, op=other(), value=node.value)


def _of_expression(node: ast.expr) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            yield from _of_comparison(node)
        case ast.BoolOp():
            yield from _of_bool(node)
        case ast.BinOp():
            yield from _of_sum(node)
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield node.operand
        case ast.IfExp():
            yield node.body
            yield node.orelse
        case ast.Constant():
            yield from _of_constant(node)
        case ast.Name():
            yield from (ast.Name(id=other, ctx=ast.Load()) for other in _instead_of(node.id))


def _of_comparison(node: ast.Compare) -> Iterator[ast.AST]:
    for index, operator in enumerate(node.ops):
        for flipped in _FLIPS[type(operator)]:
            ops = [*node.ops[:index], flipped(), *node.ops[index + 1 :]]
            yield ast.Compare(left=node.left, ops=ops, comparators=node.comparators)


def _of_constant(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(value=not node.value)
    elif isinstance(node.value, int | float):
        yield ast.Constant(value=node.value + 1)


def _instead_of(name: str) -> Iterator[str]:
    for others in _INTERCHANGEABLE:
        if name in others:
            yield from (other for other in others if other != name)


def _is_condition(parent: ast.AST, field: str) -> bool:
    return (isinstance(parent, ast.If | ast.IfExp | ast.While) and field == "test") or (
        isinstance(parent, ast.comprehension) and field == "ifs"
    )


def _is_dispensable(parent: ast.AST, field: str, node: ast.AST) -> bool:
    """Return whether this can be left out: a keyword argument, or an element of a collection literal."""
    if isinstance(parent, ast.Call):
        return field == "keywords" and isinstance(node, ast.keyword) and node.arg is not None
    if isinstance(parent, ast.Tuple | ast.List | ast.Set):
        return field == "elts" and not isinstance(getattr(parent, "ctx", None), ast.Store)
    return isinstance(parent, ast.Dict) and field == "keys"


def _of_bool(node: ast.BoolOp) -> Iterator[ast.AST]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield ast.BoolOp(op=other, values=node.values)
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        yield rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=rest)


def _of_sum(node: ast.BinOp) -> Iterator[ast.AST]:
    for other in _SIGNS.get(type(node.op), ()):
        yield ast.BinOp(left=node.left, op=other(), right=node.right)
    if isinstance(node.op, ast.BitAnd | ast.BitOr | ast.Add | ast.Sub):
        yield node.left
    if isinstance(node.op, ast.BitAnd | ast.BitOr):
        yield node.right
