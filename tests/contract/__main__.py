"""`python -m tests.contract`: run the conformance suite and put all that it sends and gets to the documents.

Exits 1 on a violation, or if the suite fails; 0 with a word where the documents are not here. Further
arguments go to pytest, in place of the suite.
"""

from __future__ import annotations

import os
import sys

import pytest

from .documents import ALONE, API, ROOT, documents
from .exchange import Recorder
from .ledger import Ledger

QUIET = ["-q", "-n0", "--no-header", "-p", "no:cacheprovider"]


def suite() -> list[str]:
    """The parts of the conformance suite that send requests."""
    folder = ROOT / "tests" / "conformance"
    own = ("store", "lock", "live")  # these send nothing, or from a process of their own
    return [str(p) for p in sorted(folder.glob("test_*.py")) if not any(word in p.name for word in own)]


def main(arguments: list[str]) -> int:
    """Run, print the table, and say how it went."""
    if not API.is_dir():
        print(f"The vendors' documents are not at {API}: nothing to check against.")
        return 0
    ledger = Ledger(documents())
    os.environ[ALONE] = "1"
    with Recorder([ledger.hear]).listening():
        failed = pytest.main([*QUIET, *(arguments or suite())])
    print(ledger.used())
    print()
    print(ledger.table())
    return 1 if failed or ledger.violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
