"""What a template of a message may say: print fields, choose, loop over the message's own lists, include its parts.

All else is refused before it is run, so that the work of a template is bounded by the size of the message: no calls, no
arithmetic that multiplies, no text that doubles itself, no loop inside another over the whole message.
"""

from collections.abc import Callable, Iterator

from jinja2 import nodes

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Include,
    nodes.Assign,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Filter,
    nodes.Test,
)
FILTERS = frozenset(
    ("capitalize", "count", "d", "default", "e", "escape", "first", "join", "last", "length", "lower", "trim", "upper")
)
MESSAGE = "message"
_LOOP = "loop"
_DEEPEST = 4

Parsed = Callable[[str], nodes.Template]


class TemplateRuleError(Exception):
    """A template says what it may not; the sentence names the template and the line."""

    def __init__(self, template: str, line: int, what: str) -> None:
        super().__init__(f"{template}, line {line}: {what}")
        self.template = template
        self.fault = f"line {line}: {what}"


def check_template(name: str, parsed: Parsed) -> frozenset[str]:
    """Check a template with everything that it includes; return the names of all. Raise TemplateRuleError.

    `parsed` returns a template by its name and raises KeyError where there is none.
    """
    return frozenset(_check(name, parsed, (), (), frozenset()))


def _check(
    name: str, parsed: Parsed, above: tuple[str, ...], items: tuple[str, ...], assigned: frozenset[str]
) -> Iterator[str]:
    """Yield the names of the template and its parts; `items` are the loop variables around it, the innermost last."""
    tree = parsed(name)
    yield name
    for node in _walk(tree):
        _check_node(name, node)
    targets = (found.target for found in tree.find_all(nodes.Assign))
    assigned |= {target.name for target in targets if isinstance(target, nodes.Name)}
    yield from _check_body(name, tree.body, parsed, (*above, name), items, assigned)


def _walk(tree: nodes.Node) -> Iterator[nodes.Node]:
    for child in tree.iter_child_nodes():
        yield child
        yield from _walk(child)


def _check_node(name: str, node: nodes.Node) -> None:
    if not isinstance(node, _ALLOWED):
        raise TemplateRuleError(name, node.lineno, f"{type(node).__name__} is not allowed in a template of a message")
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        allowed = ", ".join(sorted(FILTERS))
        raise TemplateRuleError(name, node.lineno, f"the filter {node.name!r} is not allowed; allowed are {allowed}")
    if isinstance(node, nodes.Assign) and not isinstance(node.target, nodes.Name):
        raise TemplateRuleError(name, node.lineno, "set gives a value to one name")
    if isinstance(node, nodes.For) and (node.recursive or not isinstance(node.target, nodes.Name)):
        raise TemplateRuleError(name, node.lineno, "a loop has one variable and is not recursive")


def _check_body(
    name: str,
    body: list[nodes.Node],
    parsed: Parsed,
    above: tuple[str, ...],
    items: tuple[str, ...],
    assigned: frozenset[str],
) -> Iterator[str]:
    for node in body:
        if isinstance(node, nodes.For):
            inside = (*items, _loop_variable(name, node, items, assigned))
            yield from _check_body(name, node.body, parsed, above, inside, assigned)
            yield from _check_body(name, node.else_, parsed, above, items, assigned)
        elif isinstance(node, nodes.If):
            branches = [node.body, *(each.body for each in node.elif_), node.else_]
            for branch in branches:
                yield from _check_body(name, branch, parsed, above, items, assigned)
        elif isinstance(node, nodes.Include):
            yield from _check(_included(name, node, parsed, above), parsed, above, items, assigned)
        elif isinstance(node, nodes.Assign):
            _check_assignment(name, node, items, assigned)


def _loop_variable(name: str, node: nodes.For, items: tuple[str, ...], assigned: frozenset[str]) -> str:
    """Return the variable of a loop over a list of the message, or, inside another loop, of what that one is at."""
    root: nodes.Node = node.iter
    while isinstance(root, nodes.Getattr):
        root = root.node
    allowed = items[-1] if items else MESSAGE
    if root is node.iter or not isinstance(root, nodes.Name) or root.name != allowed or allowed in assigned:
        raise TemplateRuleError(name, node.lineno, f"this loop may only run over a list of {allowed}")
    if not isinstance(node.target, nodes.Name) or node.target.name in {MESSAGE, *items}:
        raise TemplateRuleError(name, node.lineno, "this loop needs a variable with a name of its own")
    return node.target.name


def _included(name: str, node: nodes.Include, parsed: Parsed, above: tuple[str, ...]) -> str:
    if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
        raise TemplateRuleError(name, node.lineno, "include names one template of the same folder, in quotes")
    found: str = node.template.value
    if found in above or len(above) >= _DEEPEST:
        raise TemplateRuleError(name, node.lineno, f"{found} is included by itself or too deep")
    try:
        parsed(found)
    except KeyError as error:
        raise TemplateRuleError(name, node.lineno, f"there is no template {found!r} in the folder") from error
    return found


def _check_assignment(name: str, node: nodes.Assign, items: tuple[str, ...], assigned: frozenset[str]) -> None:
    target = node.target.name if isinstance(node.target, nodes.Name) else ""
    if target in {MESSAGE, _LOOP, *items}:
        raise TemplateRuleError(name, node.lineno, f"set may not give another value to {target!r}")
    used = {found.name for found in node.node.find_all(nodes.Name)}
    if isinstance(node.node, nodes.Name):
        used.add(node.node.name)
    if used & assigned:
        raise TemplateRuleError(name, node.lineno, f"set may not use {min(used & assigned)!r}, which another set made")
