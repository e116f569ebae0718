"""Counts what was checked and what was found, by document; and prints it as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from tieline.connectors.sandbox.core import Request, Response

from .exchange import Exchange

SHOWN = 40


class Contract(Protocol):
    """A document that nobody here wrote."""

    @property
    def name(self) -> str: ...

    def concerns(self, request: Request) -> bool: ...
    def request(self, operation: str, request: Request) -> list[str]: ...
    def response(self, operation: str, request: Request, response: Response) -> list[str]: ...


@dataclass
class Tally:
    """What one document said."""

    operations: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    answers: int = 0
    outside: int = 0
    wrong_requests: Counter[str] = field(default_factory=Counter)
    wrong_answers: Counter[str] = field(default_factory=Counter)


class Ledger:
    """Puts each exchange to the document of its system."""

    def __init__(self, contracts: dict[str, Contract]) -> None:
        self.contracts = contracts
        self.tallies = {system: Tally() for system in contracts}

    def hear(self, exchange: Exchange) -> None:
        """Check one exchange, and count."""
        contract, tally = self.contracts.get(exchange.system), self.tallies.get(exchange.system)
        if contract is None or tally is None:
            return
        request, operation = exchange.request, exchange.operation
        if not contract.concerns(request):
            tally.outside += exchange.response is None
            return
        if exchange.response is None:
            tally.operations[operation] += 1
            tally.requests += 1
            tally.wrong_requests.update(f"{operation}: {w}" for w in contract.request(operation, request))
            return
        tally.answers += 1
        status = exchange.response.status
        found = contract.response(operation, request, exchange.response)
        tally.wrong_answers.update(f"{operation} {status}: {w}" for w in found)

    @property
    def violations(self) -> int:
        """How many there were, in both directions."""
        return sum(t.wrong_requests.total() + t.wrong_answers.total() for t in self.tallies.values())

    def table(self) -> str:
        """The table, and below it what is wrong."""
        head = ("document", "operations", "requests", "violations", "answers", "violations", "beside it")
        rows = [head]
        for system, tally in self.tallies.items():
            rows.append((
                self.contracts[system].name, str(len(tally.operations)), str(tally.requests),
                str(tally.wrong_requests.total()), str(tally.answers), str(tally.wrong_answers.total()),
                str(tally.outside),
            ))  # fmt: skip
        widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
        lines = [_line(row, widths) for row in rows]
        for tally in self.tallies.values():
            for kind, wrong in (("request", tally.wrong_requests), ("answer", tally.wrong_answers)):
                lines += [f"{count:>6} x {kind} {what}" for what, count in wrong.most_common(SHOWN)]
        return "\n".join(lines)

    def used(self) -> str:
        """Every operation that was used, with how often."""
        lines = []
        for system, tally in self.tallies.items():
            lines += [f"{system:<12}{n:>7}  {operation}" for operation, n in sorted(tally.operations.items())]
        return "\n".join(lines)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = [cell.rjust(width) for cell, width in zip(row, widths, strict=True)]
    return "  ".join([row[0].ljust(widths[0]), *cells[1:]])
