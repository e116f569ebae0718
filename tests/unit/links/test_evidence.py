"""What speaks for a tie, what the policy makes of it, and what closure asks for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline.connectors.base import Ref, Target
from tieline.sync.links.closure import Closed, missing, recurring, shares
from tieline.sync.links.decide import Standing, closed_by_links, decide, proposals, refused
from tieline.sync.links.evidence import Around, Case, evidence, joined
from tieline.sync.links.mentions import Naming
from tieline.sync.links.model import EVIDENCE_KINDS, Evidence, Link, Proposal
from tieline.sync.links.rules import USUAL, ClosureRule, LinkPolicy
from tieline.sync.links.show import missing_lines
from tieline.sync.policy.conditions import Moment

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMING = Naming(projects=frozenset({"OPS"}))
MOMENT = Moment(NOW, {})
NOTHING: Standing = {}


def target(label: str, kind: str = "problem", **more: object) -> Target:
    return Target(Ref("servicenow", label.lower(), kind), label, **more)  # type: ignore[arg-type]


def case(label: str = "INC0010001", **more: object) -> Case:
    values: dict[str, object] = {
        "opened": NOW - 2 * HOUR,
        "resolved": NOW,
        "ci": "db1",
        "category": "database",
        **more,
    }
    return Case(Ref("servicenow", label.lower()), label, **values)  # type: ignore[arg-type]


def link(incident: str, relation: str, to: Target) -> Link:
    return Link(Ref("servicenow", incident.lower()), relation, to, "servicenow")  # type: ignore[arg-type]


def found(one: Case, **around: object) -> list[tuple[str, str, str]]:
    made = evidence(one, Around(**around), NAMING)  # type: ignore[arg-type]
    return [(e.kind, e.relation, e.target.label) for e in made]


P, C = target("PRB0040001"), target("CHG0030002", "change")


class TestWhatJiraTells:
    def test_what_a_deployment_names_cured_it_unless_it_was_over_before(self) -> None:
        told = {"development (customfield_10060) in jira": "1.2.0 with CHG0030002"}
        for closed, weight in ((NOW, 1.0), (None, 1.0), (NOW - 3 * HOUR, 0.5)):
            change = target("CHG0030002", "change", closed=closed)
            (made,) = evidence(case(ci="", texts=told), Around([change]), NAMING)
            assert (made.kind, made.relation, made.weight) == ("mention", "cured_by", weight)
            assert made.source == "development (customfield_10060) in jira"
            assert ("before the incident opened" in made.reason) == (weight < 1)

    def test_words_that_say_more_are_heard(self) -> None:
        told = {"development (f) in jira": "caused by CHG0030002"}
        (made,) = evidence(case(ci="", texts=told), Around([C]), NAMING)
        assert (made.relation, made.weight) == ("caused_by", 1.0)

    @pytest.mark.parametrize(
        ("hours", "relation"), [(3, "caused_by"), (1, "cured_by"), (30, None), (-1, None)]
    )
    def test_a_change_on_the_component_counts_within_its_window(
        self, hours: int, relation: str | None
    ) -> None:
        issue = Target(
            Ref("jira", "7", "issue"), "OPS-7", closed=NOW - hours * HOUR,
            components=frozenset({"Mail", "Web"}),
        )  # fmt: skip
        one = case(ci="", components=frozenset({"Mail", "Print"}))
        made = evidence(one, Around([issue], changes=frozenset({issue.ref})), NAMING)
        assert [(e.relation, e.source) for e in made] == (
            [(relation, "components in jira")] if relation else []
        )
        assert all("Mail in Jira" in e.reason and e.weight < 0.6 for e in made)
        assert evidence(one, Around([issue]), NAMING) == [], "an issue that is no change is none"
        assert evidence(case(ci=""), Around([issue], changes=frozenset({issue.ref})), NAMING) == []


class TestEvidence:
    def test_a_name_that_nobody_has_is_no_evidence(self) -> None:
        one = case(texts={"close_notes": "PRB0040009"})
        assert found(one, targets=[P]) == []

    def test_its_own_names_are_no_evidence(self) -> None:
        own = Target(Ref("servicenow", "inc0010001"), "INC0010001")
        issue = Target(Ref("jira", "10017", "issue"), "OPS-17")
        one = case(
            texts={"work_notes": "duplicate of INC0010001, fixed by OPS-17"}, labels={"INC0010001", "OPS-17"}
        )
        assert found(one, targets=[own, issue]) == []

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("caused by CHG0030002", "caused_by"), ("fixed with CHG0030002", "cured_by")],
    )
    def test_a_change_caused_or_cured_as_the_words_say(self, text: str, expected: str) -> None:
        (made,) = evidence(case(texts={"work_notes": text}), Around([C]), NAMING)
        assert (made.relation, made.weight) == (expected, 1.0)

    def test_a_change_without_words_is_in_doubt(self) -> None:
        (made,) = evidence(case(texts={"work_notes": "CHG0030002"}), Around([C]), NAMING)
        assert made.weight < 1.0

    def test_what_the_parent_has_it_has_too(self) -> None:
        parent = target("INC0010000", "incident")
        links = [link("INC0010001", "parent", parent), link("INC0010000", "problem", P)]
        assert found(case(ci=""), links=links) == [("link", "problem", "PRB0040001")]

    def test_incidents_of_one_outage_agree_or_only_propose(self) -> None:
        parent = target("INC0010000", "incident")
        family = [link(f"INC001000{n}", "parent", parent) for n in (1, 2, 3)]
        agreed = [*family, link("INC0010002", "problem", P), link("INC0010003", "problem", P)]
        (made,) = evidence(case(ci=""), Around(links=agreed), NAMING)
        assert (made.kind, made.weight) == ("link", 1.0)
        apart = [*agreed[:-1], link("INC0010003", "problem", target("PRB0040002"))]
        assert all(e.weight < 1.0 for e in evidence(case(ci=""), Around(links=apart), NAMING))

    def test_a_problem_on_the_item_or_below_it(self) -> None:
        same, below, closed = (
            target("PRB1", ci="db1"),
            target("PRB2", ci="disk"),
            target("PRB3", ci="db1", closed=NOW - 9 * HOUR),
        )
        made = found(case(), targets=[same, below, closed], needs={"db1": frozenset({"disk"})})
        assert made == [("ci", "problem", "PRB1"), ("ci", "problem", "PRB2")]

    @pytest.mark.parametrize(
        ("ended", "relation"),
        [(3, "caused_by"), (1, "cured_by"), (40, None), (-1, None)],
    )
    def test_a_change_in_the_window(self, ended: int, relation: str | None) -> None:
        change = target("CHG1", "change", ci="db1", closed=NOW - ended * HOUR)
        made = found(case(), targets=[change])
        assert made == ([("change", relation, "CHG1")] if relation else [])

    def test_a_change_on_another_item_is_nothing(self) -> None:
        assert found(case(), targets=[target("CHG1", "change", ci="web", closed=NOW - 3 * HOUR)]) == []

    def test_likeness_needs_the_category_and_the_time(self) -> None:
        text = {"summary": "database is slow after the weekly backup of invoices"}
        one = case(ci="", texts=text)
        near = case("INC0010002", texts=text, opened=NOW - 9 * HOUR)
        other = case("INC0010003", texts=text, opened=NOW - 9 * HOUR, category="network")
        late = case("INC0010004", texts=text, opened=NOW + HOUR)
        for like, seen in ((near, True), (other, False), (late, False)):
            made = found(one, cases=[like], links=[link(like.label, "problem", P)])
            assert made == ([("likeness", "problem", "PRB0040001")] if seen else [])

    @given(st.lists(st.tuples(st.sampled_from(EVIDENCE_KINDS), st.floats(0, 1)), max_size=8))
    def test_together_is_never_less_than_the_best_and_never_above_one(
        self, given_: list[tuple[str, float]]
    ) -> None:
        several = [Evidence(k, "problem", P, w, "", "") for k, w in given_]  # type: ignore[arg-type]
        score = joined(several)
        assert max([w for _, w in given_], default=0.0) <= score + 1e-9
        assert 0 <= score <= 1


def speaking(kind: str, weight: float, to: Target = P, relation: str = "problem") -> Evidence:
    return Evidence(kind, relation, to, weight, "because", "a note")  # type: ignore[arg-type]


class TestDecision:
    @given(
        st.lists(
            st.tuples(st.sampled_from(["ci", "change", "likeness", "history"]), st.floats(0, 1)), max_size=6
        )
    )
    def test_what_is_only_likely_never_links_by_itself(self, several: list[tuple[str, float]]) -> None:
        for verdict in decide([speaking(*each) for each in several], USUAL, {}, MOMENT, NOTHING):
            assert verdict.decision != "link"

    def test_a_name_and_a_link_next_door_link(self) -> None:
        for kind in ("mention", "link"):
            (verdict,) = decide([speaking(kind, 1.0)], USUAL, {}, MOMENT, NOTHING)
            assert verdict.decision == "link"
            (verdict,) = decide([speaking(kind, 0.5)], USUAL, {}, MOMENT, NOTHING)
            assert verdict.decision == "propose"

    def test_doubt_is_not_made_up_for_by_other_evidence(self) -> None:
        mixed = [speaking("mention", 0.5), speaking("ci", 0.9), speaking("history", 0.9)]
        (verdict,) = decide(mixed, USUAL, {}, MOMENT, NOTHING)
        assert verdict.decision == "propose"

    def test_two_names_for_one_column_are_for_people(self) -> None:
        other = target("PRB0040002")
        both = decide([speaking("mention", 1.0), speaking("mention", 1.0, other)], USUAL, {}, MOMENT, NOTHING)
        assert [v.decision for v in both] == ["propose", "propose"]

    def test_what_stands_is_not_asked_and_nothing_takes_its_place(self) -> None:
        standing: Standing = {"problem": frozenset({P.ref})}
        assert decide([speaking("mention", 1.0)], USUAL, {}, MOMENT, standing) == []
        (verdict,) = decide([speaking("mention", 1.0, target("PRB2"))], USUAL, {}, MOMENT, standing)
        assert verdict.decision == "ignore"

    def test_no_means_no(self) -> None:
        no = frozenset({("problem", P.ref)})
        (verdict,) = decide([speaking("mention", 1.0)], USUAL, {}, MOMENT, NOTHING, no)  # type: ignore[arg-type]
        assert verdict.decision == "ignore"

    def test_a_proposal_is_made_once_and_ends_with_the_link(self) -> None:
        ref = Ref("servicenow", "inc1")
        verdicts = decide([speaking("ci", 0.4)], USUAL, {}, MOMENT, NOTHING)
        (made,) = proposals(verdicts, ref, "INC1", {}, NOW)
        assert proposals(verdicts, ref, "INC1", {made.key: made}, NOW + HOUR) == []
        (over,) = closed_by_links([made], {"problem": frozenset({P.ref})}, NOW)
        assert over.state == "linked"
        assert refused([over], {"problem": frozenset({P.ref})}) == frozenset()
        assert refused([over], NOTHING) == {("problem", P.ref)}
        assert proposals(verdicts, ref, "INC1", {over.key: over}, NOW) == []


def closed(one: Case, standing: Standing = NOTHING, **record: str) -> Closed:
    return Closed(one, MappingProxyType(record), standing)


class TestClosure:
    def lacking(self, *every: Closed, policy: LinkPolicy = USUAL) -> list[tuple[str, str]]:
        return [(each.case.label, each.rule.id) for each in missing(every, policy, MOMENT)]

    def test_grave_ones_need_a_problem(self) -> None:
        assert self.lacking(closed(case(), priority="1")) == [("INC0010001", "grave")]
        assert self.lacking(closed(case(), priority="3")) == []
        has: Standing = {"problem": frozenset({P.ref})}
        assert self.lacking(closed(case(), has, priority="1")) == []

    def test_resolved_by_change_needs_the_change(self) -> None:
        by_change = closed(case(), resolution="Resolved by change")
        assert self.lacking(by_change) == [("INC0010001", "cured-by-change")]

    def test_the_third_alike_on_an_item_in_thirty_days_needs_a_problem(self) -> None:
        days = [timedelta(days=d) for d in (0, 10, 20, 31, 70)]
        every = [closed(case(f"INC{n}", opened=NOW + d, resolved=NOW + d + HOUR)) for n, d in enumerate(days)]
        assert self.lacking(*every) == [("INC2", "recurring"), ("INC3", "recurring")]

    def test_without_an_item_nothing_is_alike(self) -> None:
        every = [closed(case(f"INC{n}", ci="")) for n in range(9)]
        assert self.lacking(*every) == []
        assert recurring([each.case for each in every], {}) == []

    def test_either_of_several_is_enough(self) -> None:
        rule = ClosureRule("either", frozenset({"problem", "cured_by"}))
        policy = LinkPolicy(closure=(rule,))
        assert self.lacking(closed(case()), policy=policy) == [("INC0010001", "either")]
        assert self.lacking(closed(case(), {"cured_by": frozenset({C.ref})}), policy=policy) == []

    def test_shares_are_told_of_thirty_and_more(self) -> None:
        every = [
            closed(case(f"INC{n}", ci="", resolved=NOW), priority="1" if n < 3 else "4") for n in range(30)
        ]
        (period,) = shares(every, missing(every, USUAL, MOMENT))
        assert (period.closed, period.complete, period.share) == (30, 27, 0.9)
        (few,) = shares(every[:29], missing(every[:29], USUAL, MOMENT))
        assert few.share is None

    def test_shares_are_told_by_month_the_oldest_first(self) -> None:
        months = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
        every = [closed(case(f"INC{n}", ci="", resolved=at)) for at in months for n in range(2)]
        found = shares(every, [])
        assert [period.start.month for period in found] == [1, 3]
        assert missing_lines([], found, 4, ())[1:3] == [
            "complete closures by month:", "  2026-01: too few for a share (below 30), 2 of 2",
        ]  # fmt: skip

    def test_clusters_end_where_a_long_time_passes(self) -> None:
        cases = [case(f"INC{n}", opened=NOW + timedelta(days=d)) for n, d in enumerate((0, 5, 9, 60, 61))]
        (cluster,) = recurring(cases, {cases[0].ref: {"problem": frozenset({P.ref})}})
        assert [c.label for c in cluster.cases] == ["INC0", "INC1", "INC2"]
        assert cluster.targets == {P.ref}


def test_proposals_are_kept_under_their_number(tmp_path: Path) -> None:
    from tieline.sync.store import open_store

    made = Proposal(
        Ref("servicenow", "inc1"), "problem", target("PRB1", title="secret words"), (), 0.4, made_at=NOW
    )
    with open_store(f"sqlite:///{tmp_path / 'state.db'}") as store:
        with store.transaction() as tx:
            tx.save_proposals([made])
        with store.transaction() as tx:
            ((number, kept),) = tx.proposals("open")
            assert (kept.key, kept.score, kept.target.title) == (made.key, 0.4, "")
            tx.save_proposals([Proposal(made.incident, "problem", made.target, (), 0.4, "rejected")])
        with store.read() as tx:
            assert tx.proposals("open") == []
            kept_again = tx.proposal(number)
            assert kept_again is not None
            assert kept_again.state == "rejected"
            assert tx.proposals_of([made.incident]) == {made.incident: [(number, kept_again)]}
    assert b"secret words" not in (tmp_path / "state.db").read_bytes()


def test_proposals_are_exported_in_plain_words(tmp_path: Path) -> None:
    from tieline.sync.store import open_store
    from tieline.sync.store.copies import check, rows

    made = Proposal(Ref("servicenow", "inc1"), "problem", P, (speaking("ci", 0.4),), 0.4, made_at=NOW)
    with open_store(f"sqlite:///{tmp_path / 'state.db'}") as store:
        with store.transaction() as tx:
            tx.save_proposals([made])
        (row,) = [row for row in rows(store) if row["table"] == "proposals"]
        assert row["body"]["target"]["label"] == "PRB0040001"
        assert row["body"]["evidence"][0]["reason"] == "because"
        json.dumps(row)
        assert list(check(store)) == []
