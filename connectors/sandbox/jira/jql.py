"""Parses JQL into a tree, with Jira's words for what is no JQL; what the names mean is not its business."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tieline.connectors.sandbox.jira.model import ApiError


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written, with its place (counted from 1) for messages."""

    text: str
    quoted: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class Function:
    """A call such as `now()` or `startOfDay("-1d")`."""

    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Empty:
    """EMPTY or NULL."""


Operand = Literal | Function | Empty


@dataclass(frozen=True, slots=True)
class Clause:
    """`field operator operands`; several operands only after IN and NOT IN."""

    field: str
    operator: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    node: Node


@dataclass(frozen=True, slots=True)
class All:
    """Conditions joined by AND."""

    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Conditions joined by OR."""

    nodes: tuple[Node, ...]


Node = Clause | Not | All | Any


@dataclass(frozen=True, slots=True)
class Sort:
    """One term of ORDER BY. `descending` is None where neither ASC nor DESC is given."""

    field: str
    descending: bool | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query; `where` is None if it restricts nothing."""

    where: Node | None
    order: tuple[Sort, ...]


MAX_SORTS: Final = 7
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<operator>!=|>=|<=|!~|&&|\|\||[=<>~!&|])
    |(?P<mark>[(),])
    |(?P<word>cf\[\d+\]|[^\s()=!<>~,"'\[\]&|]+)
    |(?P<end>$)
    |(?P<bad>.))""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_ESCAPE: Final = re.compile(r"\\(.)")
_RESERVED: Final = frozenset({"and", "or", "not", "in", "is", "order", "by", "was", "changed"})
_OPERATORS: Final = (
    "The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int

    @property
    def shown(self) -> str:
        return f"got '{self.text}'" if self.kind != "end" else "reached the end of the query"


def parse(text: str) -> Query:
    """The tree of a query. Raises `ApiError` 400 with Jira's message and the place of the fault."""
    try:
        return _Parser(text).query()
    except RecursionError:
        raise ApiError(400, ("The JQL query is nested too deeply.",)) from None


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[_Token] = []
        self._next = 0
        for found in _TOKEN.finditer(text):
            kind = found.lastgroup or "end"
            at = found.start(kind) + 1
            if kind == "bad":
                raise _fault(
                    f"The character '{found[kind]}' is a reserved JQL character. You must enclose it in a "
                    "string or use the escape '\\u%04x' instead." % ord(found[kind]),
                    at,
                )
            self._tokens.append(_Token(kind, found[kind], at))
            if kind == "end":
                break

    def query(self) -> Query:
        where = None if self._ahead("order") or self._peek().kind == "end" else self._any()
        order = self._order() if self._take_word("order") else ()
        if self._peek().kind != "end":
            token = self._peek()
            raise _fault(f"Expecting either 'OR' or 'AND' but got '{token.text}'.", token.at)
        return Query(where, order)

    def _order(self) -> tuple[Sort, ...]:
        if not self._take_word("by"):
            raise _fault(f"Expecting 'by' but {self._peek().shown}.", self._peek().at)
        sorts = [self._sort()]
        while self._take("mark", ","):
            sorts.append(self._sort())
        if len(sorts) > MAX_SORTS:
            raise ApiError(400, (f"The orderBy clause can contain a maximum of {MAX_SORTS} fields.",))
        return tuple(sorts)

    def _sort(self) -> Sort:
        name = self._name()
        if self._take_word("desc"):
            return Sort(name, descending=True)
        return Sort(name, descending=False if self._take_word("asc") else None)

    def _any(self) -> Node:
        nodes = [self._all()]
        while self._take_word("or") or self._take("operator", "||") or self._take("operator", "|"):
            nodes.append(self._all())
        return nodes[0] if len(nodes) == 1 else Any(tuple(nodes))

    def _all(self) -> Node:
        nodes = [self._not()]
        while self._take_word("and") or self._take("operator", "&&") or self._take("operator", "&"):
            nodes.append(self._not())
        return nodes[0] if len(nodes) == 1 else All(tuple(nodes))

    def _not(self) -> Node:
        if self._take_word("not") or self._take("operator", "!"):
            return Not(self._not())
        if self._take("mark", "("):
            node = self._any()
            if not self._take("mark", ")"):
                raise _fault(f"Expecting ')' but {self._peek().shown}.", self._peek().at)
            return node
        return self._clause()

    def _clause(self) -> Node:
        name = self._name()
        operator = self._operator()
        if operator in ("in", "not in"):
            return Clause(name, operator, self._list())
        operand = self._operand()
        if operator in ("is", "is not") and not isinstance(operand, Empty):
            raise ApiError(
                400, (f"The operator '{operator}' does not support the value given for field '{name}'.",)
            )
        return Clause(name, operator, (operand,))

    def _operator(self) -> str:
        token = self._peek()
        if token.kind == "operator" and token.text not in ("!", "&", "|", "&&", "||"):
            return self._pop().text
        if self._take_word("in"):
            return "in"
        if self._take_word("not"):
            if self._take_word("in"):
                return "not in"
            raise _fault(f"Expecting 'IN' but {self._peek().shown}.", self._peek().at)
        if self._take_word("is"):
            return "is not" if self._take_word("not") else "is"
        shown = f"got '{token.text}'" if token.kind != "end" else "reached end of query"
        raise _fault(f"Expecting operator but {shown}. {_OPERATORS}", token.at)

    def _list(self) -> tuple[Operand, ...]:
        if not self._take("mark", "("):
            return (self._operand(),)
        operands = [self._operand()]
        while self._take("mark", ","):
            operands.append(self._operand())
        if not self._take("mark", ")"):
            raise _fault(
                f"Expecting ')' before the end of the query but {self._peek().shown}.", self._peek().at
            )
        return tuple(operands)

    def _operand(self) -> Operand:
        token = self._peek()
        if token.kind == "string":
            return Literal(_unquoted(self._pop().text), True, token.at)
        if token.kind != "word" or token.text.lower() in _RESERVED:
            hint = (
                f" You must surround '{token.text}' in quotation marks to use it as a value."
                if token.text
                else ""
            )
            raise _fault(f"Expecting either a value, list or function but {token.shown}.{hint}", token.at)
        self._pop()
        if token.text.lower() in ("empty", "null"):
            return Empty()
        if self._take("mark", "("):
            return self._call(token.text)
        return Literal(token.text, False, token.at)

    def _call(self, name: str) -> Function:
        arguments: list[str] = []
        while not self._take("mark", ")"):
            token = self._pop()
            if token.kind == "end":
                raise _fault("Expecting ')' before the end of the query.", token.at)
            if token.kind in ("string", "word"):
                arguments.append(_unquoted(token.text) if token.kind == "string" else token.text)
        return Function(name, tuple(arguments))

    def _name(self) -> str:
        token = self._peek()
        if token.kind == "string":
            return _unquoted(self._pop().text)
        if token.kind != "word" or token.text.lower() in _RESERVED:
            raise _fault(
                f"Expecting a field name but {token.shown}. You must surround "
                f"'{token.text}' in quotation marks to use it as a field name.",
                token.at,
            )
        return self._pop().text

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _pop(self) -> _Token:
        token = self._tokens[self._next]
        self._next += token.kind != "end"
        return token

    def _ahead(self, word: str) -> bool:
        return self._peek().kind == "word" and self._peek().text.lower() == word

    def _take_word(self, word: str) -> bool:
        found = self._ahead(word)
        self._next += found
        return found

    def _take(self, kind: str, text: str) -> bool:
        found = self._peek().kind == kind and self._peek().text == text
        self._next += found
        return found


def _unquoted(text: str) -> str:
    return _ESCAPE.sub(r"\1", text[1:-1])


def _fault(message: str, at: int) -> ApiError:
    return ApiError(400, (f"Error in the JQL Query: {message} (line 1, character {at})",))
