"""Findings and test results as text, JSON, SARIF, JUnit and GitHub annotations. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from tieline.sync.policy.findings import Finding, Report
from tieline.sync.policy.model import Spot
from tieline.sync.policy.testing import Coverage, Result
from tieline.sync.words import counted

SARIF_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS: Final[Mapping[str, str]] = MappingProxyType({"error": "error", "warning": "warning", "info": "note"})
ANNOTATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"error": "error", "warning": "warning", "info": "notice"}
)


@dataclass(frozen=True, slots=True)
class Case:
    """One test case of a JUnit report: where it stands, and its failure ("" if it passed)."""

    group: str
    name: str
    failure: str
    spot: Spot


def check_text(report: Report) -> str:
    """For people: a line or two per finding, then a summary."""
    lines = [line for finding in (*report.findings, *report.undecided) for line in _lines(finding)]
    return "\n".join([*lines, summary(report)])


def _lines(finding: Finding) -> list[str]:
    head = f"{finding.spot}: {finding.severity} {finding.code}: {finding.what}"
    return [head, f"    {finding.why}", f"    -> {finding.remedy}"]


def summary(report: Report) -> str:
    """One line: what was looked at and found."""
    looked_at = f"{counted(report.rules, 'rule')}, {counted(report.tests, 'test')}"
    found = counted(len(report.findings), "finding") if report.findings else "no findings"
    ignored = f", {len(report.ignored)} ignored" if report.ignored else ""
    undecided = f", {len(report.undecided)} undecided" if report.undecided else ""
    return f"{', '.join(report.files) or 'policy'}: {looked_at}: {found}{ignored}{undecided}"


def finding_json(finding: Finding) -> dict[str, Any]:
    """One finding for JSON."""
    return {
        "code": finding.code,
        "severity": finding.severity,
        "file": finding.spot.file,
        "line": finding.spot.line,
        "column": finding.spot.column,
        "what": finding.what,
        "why": finding.why,
        "remedy": finding.remedy,
        "rule": finding.rule,
    }


def check_json(report: Report) -> str:
    """For machines."""
    data = {
        "files": list(report.files),
        "rules": report.rules,
        "tests": report.tests,
        "findings": [finding_json(finding) for finding in report.findings],
        "ignored": [finding_json(finding) for finding in report.ignored],
        "undecided": [finding_json(finding) for finding in report.undecided],
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


UNREADABLE: Final = "TL000"
"""Stands for what keeps a policy from being read; it has no page, for every fault has words of its own."""


def check_sarif(report: Report) -> str:
    """SARIF 2.1.0, which code hosts show beside the lines of a pull request."""
    from tieline.sync.policy.pages import PAGES

    rules = [
        {
            "id": page.code,
            "name": page.title,
            "shortDescription": {"text": page.title},
            "fullDescription": {"text": page.what},
            "help": {"text": page.remedy},
            "defaultConfiguration": {"level": LEVELS[page.severity]},
        }
        for page in PAGES.values()
    ]
    if any(finding.code == UNREADABLE for finding in report.findings):
        rules.append({
            "id": UNREADABLE, "name": "A policy that cannot be read",
            "shortDescription": {"text": "A policy that cannot be read"},
            "fullDescription": {"text": "What stands here is no policy; nothing else was looked at."},
            "help": {"text": "Correct it and check again."}, "defaultConfiguration": {"level": "error"},
        })  # fmt: skip
    results = [_sarif_result(f, False) for f in (*report.findings, *report.undecided)]
    results += [_sarif_result(f, True) for f in report.ignored]
    run = {"tool": {"driver": {"name": "tieline policy check", "rules": rules}}, "results": results}
    return json.dumps(
        {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False
    )


def _sarif_result(finding: Finding, ignored: bool) -> dict[str, Any]:
    region = {"startLine": max(finding.spot.line, 1), "startColumn": max(finding.spot.column, 1)}
    location = {"artifactLocation": {"uri": finding.spot.file}, "region": region}
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.what}: {finding.why}. {finding.remedy}"},
        "locations": [{"physicalLocation": location}],
    }
    return {**result, "suppressions": [{"kind": "inSource"}]} if ignored else result


def check_github(report: Report) -> str:
    """Workflow commands that GitHub shows beside the lines."""
    return "\n".join([*map(_annotation, (*report.findings, *report.undecided)), summary(report)])


def _annotation(finding: Finding) -> str:
    return annotation(
        ANNOTATIONS[finding.severity],
        finding.spot,
        finding.code,
        f"{finding.what} ({finding.why}) -> {finding.remedy}",
    )


def annotation(kind: str, spot: Spot, title: str, message: str) -> str:
    """One GitHub workflow command."""
    place = f"file={_property(spot.file)},line={spot.line},col={spot.column},title={_property(title)}"
    return f"::{kind} {place}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def check_junit(report: Report) -> str:
    """JUnit XML: a failing case per finding, one passing case where there is none."""
    cases = [
        Case(f.code, f"{f.spot.short} {f.rule}".strip(), f"{f.what}\n{f.why}\n-> {f.remedy}", f.spot)
        for f in report.findings
    ]
    return junit("tieline policy check", cases or [Case("policy", "no findings", "", Spot())])


def tests_junit(results: Sequence[Result]) -> str:
    """JUnit XML of a policy's tests."""
    cases = [
        Case(r.test.spot.file, r.test.name, "\n".join(map(str, r.mismatches)), r.test.spot) for r in results
    ]
    return junit("tieline policy test", cases)


def junit(name: str, cases: Sequence[Case]) -> str:
    """A JUnit report."""
    failures = str(sum(bool(case.failure) for case in cases))
    from xml.etree import ElementTree as Xml

    suite = Xml.Element("testsuite", name=name, tests=str(len(cases)), failures=failures, errors="0")
    for case in cases:
        element = Xml.SubElement(
            suite,
            "testcase",
            classname=case.group,
            name=_xml(case.name),
            file=case.spot.file,
            line=str(case.spot.line),
        )
        if case.failure:
            failure = Xml.SubElement(element, "failure", message=_xml(case.failure.partition("\n")[0]))
            failure.text = _xml(case.failure)
    Xml.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(suite, encoding="unicode")


def _xml(text: str) -> str:
    """Text without signs that XML cannot hold."""
    return "".join(c if c in "\n\t" or c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = MappingProxyType(
    {
        "text": check_text,
        "json": check_json,
        "sarif": check_sarif,
        "junit": check_junit,
        "github": check_github,
    }
)


def tests_text(results: Sequence[Result]) -> str:
    """For people: each failed test with what differs, then a summary."""
    lines: list[str] = []
    for result in results:
        if not result.passed:
            lines.append(f"FAILED {result.test.spot.short}: {result.test.name}")
            lines += [f"    {mismatch}" for mismatch in result.mismatches]
    failed = sum(not result.passed for result in results)
    verdict = "all passed" if not failed else f"{failed} failed"
    return "\n".join([*lines, f"{counted(len(results), 'test')}: {verdict}"])


def tests_json(results: Sequence[Result], reached: Coverage) -> str:
    """For machines."""
    data = {
        "passed": all(result.passed for result in results),
        "tests": [
            {
                "name": r.test.name,
                "file": r.test.spot.file,
                "line": r.test.spot.line,
                "passed": r.passed,
                "mismatches": [
                    {"step": m.step, "what": m.what, "expected": m.expected, "got": m.got}
                    for m in r.mismatches
                ],
            }
            for r in results
        ],
        "coverage": {
            "rules": dict(reached.rules),
            "rules_percent": reached.percent,
            "cells": {f"{i}/{u}": hit for (i, u), hit in reached.cells.items()},
            "cells_percent": reached.cell_percent,
        },
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def tests_github(results: Sequence[Result]) -> str:
    """Workflow commands for failed tests."""
    lines = [
        annotation("error", r.test.spot, "policy test", f"{r.test.name}: {'; '.join(map(str, r.mismatches))}")
        for r in results
        if not r.passed
    ]
    return "\n".join([*lines, tests_text(results).splitlines()[-1]])


def coverage_text(reached: Coverage) -> str:
    """What tests do not reach, and the shares."""
    rules = [id_ for id_, hit in reached.rules.items() if not hit]
    cells = [f"{impact}/{urgency}" for (impact, urgency), hit in reached.cells.items() if not hit]
    lines = [f"rules reached: {reached.percent:.0f} % of {len(reached.rules)}"]
    lines += [f"    not reached: {', '.join(rules)}"] if rules else []
    lines += (
        [f"matrix cells reached: {reached.cell_percent:.0f} % of {len(reached.cells)}"]
        if reached.cells
        else []
    )
    lines += [f"    not reached (impact/urgency): {', '.join(cells)}"] if cells else []
    return "\n".join(lines)
