"""The tables of this stand-in, column by column, as a fresh instance has them; later issues add theirs here.

Columns of task and incident are those of the records in ServiceNow's REST API reference (Table API).
"""

from __future__ import annotations

from collections.abc import Mapping

from tieline.connectors.sandbox.servicenow.schema import (
    Column,
    Table,
    choice,
    domain_columns,
    flag,
    moment,
    number,
    people,
    reference,
    system_columns,
    table,
    text,
)


def all_tables() -> Mapping[str, Table]:
    """Every table that the REST APIs answer for, by name."""
    incident = table(
        "incident", "Incident", _incident(), display="number", parent=_task_table(),
        labels={"close_notes": "Resolution notes"},
    )  # fmt: skip
    task = _task_table()
    problem = table("problem", "Problem", _problem(), display="number", parent=task)
    change = table("change_request", "Change Request", _change(), display="number", parent=task)
    platform = (_user(), _group(), _choice(), _dictionary(), _journal(), _attachment(), _ci(), *_cmdb())
    return {t.name: t for t in (incident, problem, change, *platform)}


def parents() -> Mapping[str, Table]:
    """Tables that others extend and that answer no request of their own."""
    return {"task": _task_table()}


def _task_table() -> Table:
    return table("task", "Task", _task(), display="number")


def _task() -> list[Column]:
    return [
        *system_columns(),
        *domain_columns(),
        Column("sys_class_name", "Task type", "sys_class_name", 80),
        *_task_words(),
        *_task_choices(),
        *_task_moments(),
        *_task_references(),
        Column("comments", "Additional comments", "journal_input", 4000),
        Column("work_notes", "Work notes", "journal_input", 4000),
        Column("comments_and_work_notes", "Comments and Work notes", "journal_list", 4000),
        Column("approval_history", "Approval history", "journal", 4000),
        Column("user_input", "User input", "user_input", 4000),
        people("watch_list", "Watch list"),
        people("work_notes_list", "Work notes list"),
        people("additional_assignee_list", "Additional assignee list"),
        people("group_list", "Group list", "sys_user_group"),
    ]


def _task_words() -> list[Column]:
    return [
        text("number", "Number"),
        text("task_effective_number", "Effective number"),
        text("short_description", "Short description", 160),
        text("description", "Description", 4000),
        text("close_notes", "Close notes", 4000),
        text("correlation_id", "Correlation ID", 100),
        text("correlation_display", "Correlation display", 100),
        flag("active", "Active", "true"),
        flag("knowledge", "Knowledge"),
        flag("made_sla", "Made SLA", "true"),
        number("order", "Order"),
        number("reassignment_count", "Reassignment count", "0"),
        Column("business_duration", "Duration", "glide_duration"),
        Column("calendar_duration", "Duration", "glide_duration"),
        Column("time_worked", "Time worked", "timer"),
    ]


def _task_choices() -> list[Column]:
    return [
        choice("state", "State", "1", "integer", none=False),
        choice("priority", "Priority", "4", "integer", none=False),
        choice("impact", "Impact", "3", "integer", none=False),
        choice("urgency", "Urgency", "3", "integer", none=False),
        choice("escalation", "Escalation", "0", "integer", none=False),
        choice("approval", "Approval", "not requested", none=False),
        choice("upon_approval", "Upon approval", "proceed", none=False),
        choice("upon_reject", "Upon reject", "cancel", none=False),
        choice("contact_type", "Contact type"),
        choice("route_reason", "Transfer reason", kind="integer"),
    ]


def _task_moments() -> list[Column]:
    return [
        moment("opened_at", "Opened"),
        moment("closed_at", "Closed"),
        moment("due_date", "Due date"),
        moment("sla_due", "SLA due", "due_date"),
        moment("activity_due", "Activity due", "due_date"),
        moment("expected_start", "Expected start"),
        moment("follow_up", "Follow up"),
        moment("approval_set", "Approval set"),
        moment("work_start", "Actual start"),
        moment("work_end", "Actual end"),
    ]


def _task_references() -> list[Column]:
    return [
        reference("assigned_to", "Assigned to", "sys_user"),
        reference("assignment_group", "Assignment group", "sys_user_group"),
        reference("opened_by", "Opened by", "sys_user"),
        reference("closed_by", "Closed by", "sys_user"),
        reference("parent", "Parent", "task"),
        reference("cmdb_ci", "Configuration item", "cmdb_ci"),
        reference("business_service", "Service", "cmdb_ci_service"),
        reference("service_offering", "Service offering", "service_offering"),
        reference("company", "Company", "core_company"),
        reference("location", "Location", "cmn_location"),
        reference("contract", "Contract", "ast_contract"),
        reference("delivery_plan", "Delivery plan", "sc_cat_item_delivery_plan"),
        reference("delivery_task", "Delivery task", "sc_cat_item_delivery_task"),
        reference("universal_request", "Universal Request", "task"),
        reference("rejection_goto", "Rejection goto", "task"),
        reference("wf_activity", "Workflow activity", "wf_activity"),
    ]


def _incident() -> list[Column]:
    return [
        reference("caller_id", "Caller", "sys_user"),
        choice("category", "Category", "inquiry"),
        choice("subcategory", "Subcategory", dependent="category"),
        choice("incident_state", "Incident state", "1", "integer", none=False),
        choice("hold_reason", "On hold reason", kind="integer"),
        choice("close_code", "Resolution code"),
        choice("severity", "Severity", "3", "integer", none=False),
        choice("notify", "Notify", "1", "integer", none=False),
        text("business_impact", "Business impact", 4000),
        text("cause", "Probable cause", 4000),
        number("business_stc", "Business resolve time"),
        number("calendar_stc", "Resolve time"),
        number("child_incidents", "Child Incidents", "0"),
        number("reopen_count", "Reopen count", "0"),
        moment("resolved_at", "Resolved"),
        moment("reopened_time", "Last reopened at"),
        reference("resolved_by", "Resolved by", "sys_user"),
        reference("reopened_by", "Last reopened by", "sys_user"),
        reference("parent_incident", "Parent Incident", "incident"),
        reference("problem_id", "Problem", "problem"),
        reference("rfc", "Change Request", "change_request"),
        reference("caused_by", "Caused by Change", "change_request"),
        text("origin_id", "Origin", 32),
        text("origin_table", "Origin table", 80),
    ]


def _problem() -> list[Column]:
    return [
        choice("problem_state", "Problem state", "101", "integer", none=False),
        choice("resolution_code", "Resolution code"),
        choice("category", "Category"),
        choice("subcategory", "Subcategory", dependent="category"),
        text("cause_notes", "Cause notes", 4000),
        text("fix_notes", "Fix notes", 4000),
        text("workaround", "Workaround", 4000),
        flag("known_error", "Known error"),
        flag("major_problem", "Major problem"),
        number("related_incidents", "Related Incidents", "0"),
        moment("resolved_at", "Resolved"),
        reference("resolved_by", "Resolved by", "sys_user"),
        reference("duplicate_of", "Duplicate of", "problem"),
        reference("first_reported_by_task", "First reported by", "task"),
        reference("rfc", "Change request", "change_request"),
    ]


def _change() -> list[Column]:
    return [
        choice("type", "Type", "normal", none=False),
        choice("category", "Category", "other"),
        choice("risk", "Risk", "3", "integer", none=False),
        choice("close_code", "Close code"),
        choice("phase", "Phase", "requested"),
        text("reason", "Reason", 4000),
        text("justification", "Justification", 4000),
        text("implementation_plan", "Implementation plan", 4000),
        text("backout_plan", "Backout plan", 4000),
        text("test_plan", "Test plan", 4000),
        flag("on_hold", "On hold"),
        flag("unauthorized", "Unauthorized"),
        moment("start_date", "Planned start date"),
        moment("end_date", "Planned end date"),
        reference("requested_by", "Requested by", "sys_user"),
        reference("chg_model", "Model", "chg_model"),
    ]


def _attachment() -> Table:
    columns = [
        *system_columns(),
        text("table_name", "Table name", 80),
        text("table_sys_id", "Table sys ID", 32),
        text("file_name", "File name", 255),
        text("content_type", "Content type", 255),
        number("size_bytes", "Size bytes"),
        number("size_compressed", "Size compressed"),
        text("compressed", "Compressed", default="true"),
        text("hash", "Hash", 100),
        number("chunk_size_bytes", "Chunk size bytes", "700000"),
        text("state", "State", default="available"),
        text("average_image_color", "Average image color"),
        text("image_height", "Image height"),
        text("image_width", "Image width"),
    ]
    return table("sys_attachment", "Attachment", columns, display="file_name")


def _ci() -> Table:
    columns = [
        *system_columns(),
        Column("sys_class_name", "Class", "sys_class_name", 80),
        text("name", "Name", 255),
        text("asset_tag", "Asset tag"),
        text("short_description", "Description", 1000),
        number("operational_status", "Operational status", "1"),
    ]
    return table("cmdb_ci", "Configuration Item", columns, display="name")


def _cmdb() -> tuple[Table, Table]:
    """Which items depend on which (parent on child), and which are affected by a task."""
    depends = [
        *system_columns(),
        reference("parent", "Parent", "cmdb_ci"),
        reference("child", "Child", "cmdb_ci"),
        reference("type", "Type", "cmdb_rel_type"),
    ]
    affected = [
        *system_columns(),
        reference("task", "Task", "task"),
        reference("ci_item", "Configuration item", "cmdb_ci"),
    ]
    return (
        table("cmdb_rel_ci", "CI Relationship", depends, display="parent"),
        table("task_ci", "CIs Affected", affected, display="ci_item"),
    )


def _user() -> Table:
    words = (
        ("user_name", "User ID", 40), ("first_name", "First name", 50), ("middle_name", "Middle name", 50),
        ("last_name", "Last name", 50), ("name", "Name", 151), ("email", "Email", 100),
        ("phone", "Business phone", 40), ("mobile_phone", "Mobile phone", 40),
        ("home_phone", "Home phone", 40), ("title", "Title", 60), ("street", "Street", 255),
        ("city", "City", 40), ("state", "State / Province", 40), ("zip", "Zip / Postal code", 40),
        ("country", "Country code", 3), ("employee_number", "Employee number", 40), ("gender", "Gender", 40),
        ("introduction", "Prefix", 40), ("source", "Source", 255), ("roles", "Roles", 40),
        ("time_zone", "Time zone", 40), ("date_format", "Date format", 40),
        ("time_format", "Time format", 40), ("preferred_language", "Language", 3),
        ("edu_status", "EDU Status", 40), ("last_login_device", "Last login device", 40),
        ("photo", "Photo", 40), ("avatar", "Avatar", 40),
    )  # fmt: skip
    flags = ("locked_out", "vip", "web_service_access_only", "internal_integration_user")
    references = (
        ("manager", "sys_user"), ("department", "cmn_department"), ("company", "core_company"),
        ("location", "cmn_location"), ("building", "cmn_building"), ("cost_center", "cmn_cost_center"),
        ("schedule", "cmn_schedule"), ("ldap_server", "ldap_server_config"),
        ("default_perspective", "sys_perspective"),
    )  # fmt: skip
    columns = [
        *system_columns(),
        *domain_columns(),
        Column("sys_class_name", "Class", "sys_class_name", 80),
        *(text(name, label, length) for name, label, length in words),
        *(flag(name, _spoken(name)) for name in flags),
        *(reference(name, _spoken(name), to) for name, to in references),
        *(flag(n, _spoken(n)) for n in ("password_needs_reset", "enable_multifactor_authn")),
        flag("active", "Active", "true"),
        number("failed_attempts", "Failed login attempts"),
        choice("calendar_integration", "Calendar integration", "1", "integer"),
        choice("notification", "Notification", "2", "integer"),
        moment("last_login_time", "Last login time"),
        Column("last_login", "Last login", "glide_date"),
    ]
    return table("sys_user", "User", columns, display="name")


def _group() -> Table:
    columns = [
        *system_columns(),
        text("name", "Name", 80),
        text("description", "Description", 1000),
        text("email", "Group email", 100),
        text("source", "Source", 255),
        text("roles", "Roles"),
        flag("active", "Active", "true"),
        flag("exclude_manager", "Exclude manager"),
        flag("include_members", "Include members"),
        people("type", "Type", "sys_user_group_type"),
        reference("manager", "Manager", "sys_user"),
        reference("parent", "Parent", "sys_user_group"),
        reference("default_assignee", "Default assignee", "sys_user"),
        reference("cost_center", "Cost center", "cmn_cost_center"),
    ]
    return table("sys_user_group", "Group", columns, display="name")


def _choice() -> Table:
    columns = [
        *system_columns(),
        *domain_columns(),
        text("name", "Table", 80),
        text("element", "Element", 80),
        text("value", "Value", 100),
        text("label", "Label", 100),
        text("language", "Language", 3, "en"),
        text("dependent_value", "Dependent value", 100),
        text("hint", "Hint", 255),
        text("synonyms", "Synonyms", 4000),
        number("sequence", "Sequence"),
        flag("inactive", "Inactive"),
    ]
    return table("sys_choice", "Choice", columns, display="label")


def _dictionary() -> Table:
    words = (
        "name", "element", "column_label", "default_value", "attributes", "calculation", "choice_field",
        "choice_table", "comments", "create_roles", "defaultsort", "delete_roles", "dependent",
        "dependent_on_field", "dynamic_creation_script", "dynamic_default_value", "dynamic_ref_qual",
        "foreign_database", "next_element", "read_roles", "reference_cascade_rule", "reference_key",
        "reference_qual", "reference_qual_condition", "reference_type", "sizeclass", "sys_name",
        "sys_package", "sys_policy", "sys_scope", "sys_update_name", "widget", "write_roles",
    )  # fmt: skip
    flags = (
        "array", "audit", "display", "dynamic_creation", "element_reference", "mandatory", "primary",
        "read_only", "reference_floats", "spell_check", "staged", "sys_customer_update",
        "sys_replace_on_upgrade", "table_reference", "text_index", "unique", "use_dependent_field",
        "use_dynamic_default", "virtual", "xml_view",
    )  # fmt: skip
    columns = [
        *system_columns(),
        *(text(name, _spoken(name), 255) for name in words),
        *(flag(name, _spoken(name)) for name in flags),
        flag("active", "Active", "true"),
        text("use_reference_qualifier", "Use reference qualifier", default="simple"),
        number("max_length", "Max length"),
        number("choice", "Choice", "0"),
        reference("internal_type", "Type", "sys_glide_object"),
        reference("reference", "Reference", "sys_db_object"),
        Column("sys_class_name", "Class", "sys_class_name", 80),
    ]
    return table("sys_dictionary", "Dictionary Entry", columns, display="column_label")


def _journal() -> Table:
    columns = [
        *(
            c
            for c in system_columns()
            if c.name in ("sys_id", "sys_created_on", "sys_created_by", "sys_tags")
        ),
        text("name", "Name", 80),
        text("element", "Element", 80),
        text("element_id", "Element ID", 32),
        Column("value", "Value", "journal_text", 16_777_215),
    ]
    return table("sys_journal_field", "Journal Entry", columns, display="value")


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()
