"""What `tieline doctor` may find: each code with its weight, what it means and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

Severity = Literal["error", "warning", "note"]
"""error: it will not work; warning: something will be held, cut or missed; note: good to know."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One code: what it is called, what it means, and what to do about it."""

    code: str
    severity: Severity
    title: str
    meaning: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found: its code, the place in the configuration or the system, and the particulars."""

    code: str
    where: str
    what: str

    @property
    def kind(self) -> Kind:
        """What the code means."""
        return KINDS[self.code]

    @property
    def severity(self) -> Severity:
        """How much it weighs."""
        return self.kind.severity


def worst(findings: Iterable[Finding]) -> Severity | None:
    """The heaviest severity; None where nothing was found."""
    found = {finding.severity for finding in findings}
    return next((s for s in ("error", "warning", "note") if s in found), None)


_ALL: Final = (
    Kind("TD001", "error", "not reached",
         "No connection came about, or no answer came in time.",
         "Check the URL, the network, the proxy (HTTPS_PROXY), the CA bundle (REQUESTS_CA_BUNDLE) and the "
         "client certificate; where a page of a hibernating instance is named, wake it."),
    Kind("TD002", "error", "not let in",
         "The system refuses the credentials, or takes us for nobody.",
         "Check user and secret; in Jira renew the token, in ServiceNow see whether basic sign-in is allowed "
         "for the account (role snc_basic_auth_api_access) and whether it is locked."),
    Kind("TD003", "error", "not the system's own answer",
         "A web page, or something else that no API sends, came back: a login page, a hibernating instance, "
         "a proxy.",
         "Open the URL in a browser; wake the instance, or correct the URL."),
    Kind("TD004", "error", "a secret cannot be read",
         "The reference in the configuration leads to nothing.",
         "Export the variable, write the file (mode 600), or unlock the keyring."),
    Kind("TD005", "error", "another kind of Jira",
         "The configuration says Cloud and the server says Data Center, or the other way round.",
         "Correct jira.deployment and the kind of jira.auth."),
    Kind("TD006", "warning", "the clocks differ",
         "The system's clock and this machine's are more than five seconds apart. Tieline takes the "
         "difference out, but which of two edits was newer becomes less sure.",
         "Set this machine's clock by NTP."),
    Kind("TD007", "error", "the clocks differ by more than the overlap",
         "Changes could fall between two looks at the feed.",
         "Set this machine's clock by NTP, or raise `overlap` of that side."),
    Kind("TD008", "warning", "the rate limit is nearly used up",
         "Less than a tenth of the requests of this period is left; others use the same account, or passes "
         "run too often.",
         "Give Tieline an account of its own, or run it less often."),
    Kind("TD009", "note", "not shown to this account",
         "A part of the metadata could not be read, so what depends on it was not checked.",
         "Give the account the right to read it, or check those settings by hand."),
    Kind("TD010", "error", "no such place",
         "The table, the project or the issue type does not exist, or is not shown to this account.",
         "Correct the route, or give the account access to it."),
    Kind("TD011", "error", "a column is not readable",
         "Records do not show it: an access rule (ACL) hides it from this account. Tieline would refuse to "
         "read any incident, since a hidden value must not pass for an empty one.",
         "Grant read access to the column, or take it out of the configuration."),
    Kind("TD012", "error", "a permission is missing in Jira",
         "Without it a part of the mirror cannot be written.",
         "Grant it to the account in the project's permission scheme."),
    Kind("TD013", "warning", "a permission is missing in Jira for something optional",
         "People, resolutions, links or notes could not be set.",
         "Grant it to the account in the project's permission scheme, or do not map that field."),
    Kind("TD014", "warning", "no role that writes incidents is seen",
         "The account's roles are visible, and none of itil, sn_incident_write or admin is among them.",
         "Grant a role that may create and write incidents."),
    Kind("TD015", "note", "rights to write are not visible",
         "ServiceNow tells an account what it may write only when it tries, and this check writes nothing.",
         "`tieline sync --initial --max-changes 1` tries one incident; what is refused is parked with "
         "ServiceNow's words."),
    Kind("TD016", "note", "no record to look at",
         "The table or project shows no record yet, so what records show (columns, the edit screen, "
         "transitions) was not checked.",
         "Run it again once there is an incident on both sides."),
    Kind("TD017", "warning", "journal entries are not shown",
         "Rows of sys_journal_field are counted or refused, and not shown, to this account. Tieline then "
         "reads the rendered journals: each whole, every time, and an edit of an entry is not seen.",
         "Grant read access to sys_journal_field for the elements comments and work_notes, or leave out "
         "[comments]."),
    Kind("TD018", "note", "the account has no time zone of its own",
         "Times are asked for and told in UTC, so nothing hangs on it, except where journals are read as "
         "they are rendered (TD017): then the instance's zone is found out from the entries.",
         "Set the account's time zone to UTC, then rendered times have no doubtful hour in autumn."),
    Kind("TD019", "note", "what may lie behind the refusal",
         "The answer does not tell these reasons apart: they are to be checked one by one.",
         "A scoped API token of Jira Cloud: set jira.cloud_id, so that requests go to Atlassian's gateway. A "
         "gate on basic sign-in in ServiceNow: give the account the role snc_basic_auth_api_access, or sign "
         "in by OAuth. A locked account: an administrator unlocks it."),
    Kind("TD020", "error", "no such field",
         "The configuration names a column or field that the system does not have or does not show.",
         "Correct the name; for Jira the id, such as customfield_10042, not the label."),
    Kind("TD021", "error", "a field of another type",
         "The field cannot hold what its `kind` says.",
         "Correct `kind`, or map another field."),
    Kind("TD022", "warning", "texts may be longer than the field",
         "The configured limit is above what the field takes: the system would cut the text, or refuse it.",
         "Set `limit` of the field to its length."),
    Kind("TD023", "error", "not on the create screen",
         "Jira refuses a field that is not on the screen: no mirror could be made.",
         "Put the field on the create screen of the project's issue type, or take it out of the mapping."),
    Kind("TD024", "error", "not on the edit screen",
         "Jira refuses a field that is not on the screen: changes could not be carried over.",
         "Put the field on the edit screen of the issue type, or set direction = \"to_servicenow\"."),
    Kind("TD025", "error", "a required field that nobody fills",
         "The create screen asks for a field that the configuration does not map: no mirror could be made.",
         "Map it, give it a default value in Jira, or make it optional."),
    Kind("TD026", "warning", "a read-only column",
         "The dictionary says that forms show it only. An access rule may leave a written value out and "
         "answer with success; such a pair would be parked.",
         "Set direction = \"to_jira\" for the field, or see that the account may write the column."),
    Kind("TD027", "error", "a column of the policy that is not there",
         "The policy reads it beside what is mirrored, maybe over references, such as caller_id.vip, and it "
         "leads nowhere: what depends on it would never be met.",
         "Correct the column in `[fields]` of the policy; on the way each step but the last is a reference."),
    Kind("TD028", "error", "a column of the scope that is not there",
         "The route's `scope` asks about it. ServiceNow drops a term that it does not understand (TD064), so "
         "that more incidents would be mirrored than you mean, or none.",
         "Correct the column in `scope`; on the way each step but the last is a reference."),
    Kind("TD030", "error", "a mapped value that ServiceNow does not have",
         "The choice list has no such value: a write of it would be dropped in silence, or refused.",
         "Correct the map: it takes values, not labels. Or add the choice in ServiceNow."),
    Kind("TD031", "error", "a mapped value that Jira does not have",
         "The field has no such option: a write of it would be refused.",
         "Correct the map, or add the option in Jira."),
    Kind("TD032", "warning", "a value in use has no partner",
         "Incidents have it, and the map does not know it: such a field is held, as a conflict, until "
         "somebody decides.",
         "Add the value to a line of the map."),
    Kind("TD033", "note", "a value has no partner",
         "The list has it, no recent incident does, and the map does not know it.",
         "Add the value to a line of the map before somebody uses it."),
    Kind("TD034", "note", "groups without a partner",
         "Groups and options are joined by equal names. For these, [groups].unknown says what happens.",
         "Add the option, or a line to [groups].map."),
    Kind("TD035", "warning", "people whose e-mail address is not shown",
         "People of both sides are joined by e-mail address. Without one, [people].unknown says what "
         "happens: as a rule the other side shows nobody.",
         "Let the account see the addresses (Jira Cloud: profile visibility, or a managed account), or join "
         "them in [people].map."),
    Kind("TD036", "warning", "a team that is not named by its id",
         "The field holds Atlassian teams, and Jira takes only their ids: a line of [groups] with a name "
         "joins nothing.",
         "Write the team's id: it stands at the end of its page's address, after /team/."),
    Kind("TD037", "warning", "a default group that is not there",
         "An `unknown` rule names a group for what belongs to somebody unknown, and a side does not have it.",
         "Correct the name: it is Jira's; its partner in ServiceNow is found as any other group's."),
    Kind("TD040", "error", "a mapped state that ServiceNow does not have",
         "[status].map names a state or hold reason that the choice list does not have.",
         "Correct the map: it takes values, such as \"2\" or \"3/4\"."),
    Kind("TD041", "error", "a mapped status that the workflow does not have",
         "[status].map names a status that the issue type's workflow does not have.",
         "Correct the map, or the workflow."),
    Kind("TD042", "warning", "a state or status without a partner",
         "An incident in it would have its status held, as a conflict.",
         "Add it to a line of [status].map."),
    Kind("TD043", "warning", "a status that cannot be reached",
         "No transition, or no way of at most three, leads there; such an incident would be parked.",
         "Add a transition to the workflow, or map the state to another status."),
    Kind("TD044", "note", "transitions not seen yet",
         "No issue stands in these statuses, so where one can go from there is not known yet.",
         "Nothing: Tieline learns transitions as issues show them. `workflow` of the route can say them."),
    Kind("TD045", "error", "a transition wants a field that nobody fills",
         "Its screen requires a field that Tieline does not send: the status could not be carried over.",
         "Make the field optional on that transition, or give it a default there."),
    Kind("TD046", "error", "a mapped resolution that Jira does not have",
         "[status].resolution names a resolution that Jira does not have.",
         "Correct the map, or add the resolution."),
    Kind("TD047", "error", "a mapped close code that ServiceNow does not have",
         "[status].resolution or default_close_code names a code that the choice list does not have: "
         "ServiceNow would drop it and then refuse to resolve without one. Codes differ by release.",
         "Correct the map: read the list of close_code in ServiceNow."),
    Kind("TD048", "note", "a transition without the resolution",
         "An issue gets to a done status without the resolution on the screen: Jira's own rules decide it.",
         "Put the resolution on that transition's screen if it should be carried over."),
    Kind("TD050", "error", "a mapped priority that does not exist",
         "[priority].map names a priority that the side does not have in this project or table.",
         "Correct the map; in Jira see the project's priority scheme."),
    Kind("TD051", "warning", "another priority matrix",
         "ServiceNow computes other priorities from impact and urgency than [priority].matrix says, so a "
         "priority set in Jira would come out as another one.",
         "Correct the matrix: see Priority Data Lookups in ServiceNow."),
    Kind("TD052", "warning", "a priority without a partner",
         "The side has it and the map does not know it: such a priority is held.",
         "Add it to a line of [priority].map."),
    Kind("TD053", "error", "a priority that ServiceNow computes",
         "A field is mapped to the column priority. ServiceNow looks it up from impact and urgency and "
         "overwrites what is written.",
         "Use [priority], which writes impact and urgency, or set direction = \"to_jira\" for the field."),
    Kind("TD060", "error", "the marker's field does not fit",
         "It does not exist, is no single line of text, or is too short for a marker.",
         "Use a single-line text field of at least 100 characters, or `labels` in Jira."),
    Kind("TD061", "error", "search does not find the marker",
         "Jira's search does not know the field, so a mirror whose answer was lost could not be found again.",
         "Give the field a searcher (Jira administration, custom fields), or use another one."),
    Kind("TD062", "note", "the marker's column holds something else",
         "Recent incidents carry other values in it, such as a monitoring tool's. Tieline never overwrites "
         "them: only mirrors that it makes itself carry a marker.",
         "Nothing, if those tools leave Tieline's incidents alone; else set servicenow.marker to another "
         "column."),
    Kind("TD063", "warning", "search is behind",
         "Jira's search index does not show changes yet that reads by id do. Each look at the feed reaches "
         "back by the overlap; a change that is later than that is found by the sweep only.",
         "Run it again in some minutes; if it stays so, raise jira.overlap above what is told here, and on "
         "Data Center look at the index (Jira administration, indexing)."),
    Kind("TD064", "note", "terms of queries are dropped",
         "A query about a column that the instance does not know, or does not show, finds everything instead "
         "of nothing. Tieline proves its own queries and refuses a scope with such a term.",
         "Nothing for Tieline; for others, set the property glide.invalid_query.returns_no_rows to true."),
    Kind("TD065", "note", "search is a little behind",
         "Jira's search index does not show the newest changes yet. That is usual for some seconds, and each "
         "look at the feed reaches back further than that.",
         "Nothing; run it again in some minutes to see that the index does follow (TD063 tells if not)."),
    Kind("TD070", "error", "a type of issue link that Jira does not have",
         "[[links.type]] names it, and Jira would refuse every link of it: those relations would be held.",
         "Correct the name, add the type (Jira administration, issue linking), or leave `jira` out: the "
         "relation is then shown as a remote link."),
    Kind("TD071", "error", "a relation without its column",
         "[[links.type]] keeps a relation in a column that ServiceNow's table does not have: no incident "
         "could be read.",
         "Correct `servicenow`, or take the relation out."),
    Kind("TD072", "warning", "affected items are not shown",
         "[links].affected shows what stands in ServiceNow's table task_ci, and the account is not shown its "
         "rows, or not the names of their items: nothing of it would come to Jira, or items by their sys_id.",
         "Grant read access to task_ci and to name of cmdb_ci, or set affected = false."),
    Kind("TD080", "error", "attachments are switched off",
         "Jira takes no files at all, so that none goes across to it.",
         "Switch attachments on (Jira administration, attachments), or set direction = \"to_servicenow\" in "
         "[attachments]."),
    Kind("TD081", "error", "no right to attach files",
         "The account may not put files on records of this place: each would be refused.",
         "Jira: grant \"Create attachments\" in the project's permission scheme. ServiceNow: give the "
         "account one of the roles of glide.attachment.role. Or set `direction` in [attachments]."),
    Kind("TD082", "error", "files are not shown",
         "The account is not shown the lists of files, so a pass would stop there.",
         "ServiceNow: grant read access to sys_attachment and to the records. Jira: see that the account "
         "sees the field of attachments. Or take [attachments] out."),
    Kind("TD083", "warning", "the content of a file is not shown",
         "A file that is listed could not be read for a try. Such files stay where they are, with a note.",
         "See what the answer says: a right, a proxy between us and Jira's media host, or a scan of the "
         "instance that is not done."),
    Kind("TD084", "warning", "files may be larger than the side takes",
         "[attachments].max_size is above the limit of the side: what lies between is fetched, sent and "
         "refused.",
         "Set max_size to the smaller limit, or raise that of the side (Jira administration, attachments; "
         "com.glide.attachment.max_size in ServiceNow)."),
    Kind("TD085", "note", "only some types of files are taken",
         "The instance lists the endings of the files that it takes; others would be refused and noted.",
         "Set `only` of [attachments] to the same endings, or add to glide.attachment.extensions."),
)  # fmt: skip

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({kind.code: kind for kind in _ALL})
"""Every code, in order."""
