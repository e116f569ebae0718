"""The kinds of single values that the configuration holds, and what makes each of them usable.

A fault is raised as a `PydanticCustomError` whose message says what is wrong and whose context holds the
remedy; where it stands in the file is not known here.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    Strict,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from tieline.sync.secrets import FORMS, SecretRef

FAULT: Final = "tieline"
"""The type of every fault that is raised here, as opposed to pydantic's own."""

MAX_DURATION: Final = timedelta(days=366)
MAX_RETENTION: Final = timedelta(days=36_525)

_UNITS: Final = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_DURATION: Final = r"\d{1,9}[smhd]"
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_-]{0,29}"
_COLUMN: Final = r"[A-Za-z][A-Za-z0-9_]{0,79}"
_CLOUD_ID: Final = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_REFERENCE: Final = r"(env:[A-Za-z_]\w*|file:.+|keyring:.+/[^/]+)"


class Table(BaseModel):
    """Any table of the file: unchangeable, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class _Fixed(dict[Any, Any]):
    """Names and what stands under them: hashed by its contents, as the unchangeable tables around it are."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


def fault(what: str, remedy: str) -> PydanticCustomError:
    """A fault of the value at hand: what is wrong with it, and what to do."""
    # Values go through the context: a literal template would read braces in them as placeholders.
    return PydanticCustomError(FAULT, "{what}", {"what": what, "remedy": remedy})


def _matching(pattern: str, what: str, remedy: str) -> Any:
    """A validator and the matching JSON Schema for text of one form."""
    form = re.compile(pattern)

    def check(text: str) -> str:
        if form.fullmatch(text) is None:
            raise fault(what, remedy)
        return text

    return AfterValidator(check)


def parse_duration(text: object, longest: timedelta = MAX_DURATION) -> timedelta:
    """A duration such as "90s", "2m", "24h" or "1d"."""
    if isinstance(text, timedelta):
        return text
    if not isinstance(text, str) or not re.fullmatch(_DURATION, text, re.ASCII):
        raise fault("is not a duration", 'write a whole number and its unit: "90s", "2m", "24h" or "1d"')
    length = timedelta(seconds=int(text[:-1]) * dict(_UNITS)[text[-1]])
    if length > longest:
        raise fault(f"is longer than {_years(longest)}", "choose a shorter time")
    return length


def _years(length: timedelta) -> str:
    return "a year" if length <= MAX_DURATION else f"{length.days // 365} years"


def _retention(text: object) -> timedelta:
    length = parse_duration(text, MAX_RETENTION)
    if length < timedelta(days=1):
        raise fault("is shorter than a day", "keep what happened for a day at least")
    return length


def duration_text(length: timedelta) -> str:
    """The shortest way to write a duration of whole seconds."""
    seconds = int(length.total_seconds())
    unit, size = next((unit, size) for unit, size in _UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}" if seconds else "0s"


def _secret(text: object) -> SecretRef:
    if isinstance(text, SecretRef):
        return text
    try:
        return SecretRef.parse(text if isinstance(text, str) else "")
    except ValueError as error:
        raise fault(f"is {error}", "keep the secret elsewhere and name the place here") from None


def _url(text: str) -> str:
    """An address without a password, query or trailing slash; plain http stays on this machine."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise fault("is not an address", "write it like https://example.service-now.com") from None
    if parts.scheme not in ("https", "http") or not host or re.search(r"\s", text):
        raise fault("is not an address", "write it like https://example.service-now.com")
    if "@" in parts.netloc:
        raise fault("holds a user or password", "leave them out of the address and use auth = { ... }")
    if parts.query or parts.fragment:
        raise fault("has more than host and path", "leave out what follows `?` or `#`")
    if parts.scheme == "http" and not _loopback(host):
        raise fault("would send the password unencrypted", "use https; http is for this machine only")
    return text.rstrip("/")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _state(text: str) -> str:
    """A SQLite file or a PostgreSQL database, without a password in it."""
    if re.fullmatch(r"sqlite:///(?!:memory:)[^?#\0]+", text):
        return text
    try:
        parts = urlsplit(text)
        secret = parts.password is not None or "password" in parts.query.lower()
    except ValueError:
        parts, secret = urlsplit(""), False
    if parts.scheme not in ("postgresql", "postgresql+psycopg"):
        raise fault("is not a usable state", "write sqlite:///FILE or postgresql://USER@HOST/DATABASE")
    if secret:
        raise fault("holds a password", "leave it out: PostgreSQL's client reads PGPASSWORD or ~/.pgpass")
    return text


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise fault("is empty or holds control characters", "write one line of visible text")
    return text


def _one_or_more(value: object) -> object:
    """A lone string stands for a list of one."""
    if not isinstance(value, str | list | tuple):
        raise fault("is neither text nor an array of texts", 'write it in quotes, such as "3"')
    return (value,) if isinstance(value, str) else value


def _alternatives(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise fault("lists nothing", "name at least one value, or remove the line")
    if len(set(values)) < len(values):
        raise fault("names a value twice", "name each value once")
    return values


def _encoded_query(text: str) -> str:
    """A ServiceNow encoded query that still means the same when conditions are put before and after it."""
    if "^NQ" in text:
        raise fault(
            "holds ^NQ",
            "it starts a second query that escapes what Tieline adds; use ^OR, or a second route",
        )
    if re.search(r"(^|\^)\s*(ORDERBY|GROUPBY)", text):
        raise fault(
            "holds ORDERBY or GROUPBY", "leave it out: Tieline pages in an order of its own, or rows get lost"
        )
    if re.search(r"(^|\^)EQ(\^|$)", text):
        raise fault("holds ^EQ", "leave it out: it ends the query before what Tieline adds")
    if text.startswith("^") or text.endswith("^"):
        raise fault("starts or ends with ^", "leave the outer ^ out: it would join what Tieline adds")
    return text


def _jql(text: str) -> str:
    """A JQL condition that still means the same inside parentheses."""
    bare = re.sub(r'"(\\.|[^"\\])*"|' + r"'(\\.|[^'\\])*'", '""', text)
    if re.search(r"\border\s+by\b", bare, re.IGNORECASE):
        raise fault("holds ORDER BY", "leave it out: Tieline pages in an order of its own")
    if not _balanced(bare) or "'" in bare or bare.count('"') % 2:
        raise fault("has parentheses or quotes that do not match", "close each one inside the condition")
    return text


def _balanced(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0


def _day(value: object) -> object:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise fault("is not a day", "write it without quotes and time: 2024-03-01")
    return value


def _unknown_entity(text: str) -> str:
    if text not in ("unassigned", "hold") and not re.fullmatch(r"(default|group):\S.*", text):
        raise fault("is not a known rule", 'choose "unassigned", "hold", "default:ID" or "group:NAME"')
    return text


Flag = Annotated[bool, Strict()]
Count = Annotated[int, Strict()]
Share = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Text = Annotated[str, Strict()]
Line = Annotated[Text, AfterValidator(_one_line)]
Name = Annotated[
    Text,
    _matching(
        _NAME, "is not a usable name", "use up to 30 letters, digits, _ and -; it becomes part of markers"
    ),
    Field(json_schema_extra={"pattern": f"^{_NAME}$"}),
]
ServiceNowField = Annotated[
    Text,
    _matching(
        _COLUMN,
        "is not a column name",
        "use the name of the column, such as short_description, not its label",
    ),
    Field(json_schema_extra={"pattern": f"^{_COLUMN}$"}),
]
ByColumn = Annotated[dict[ServiceNowField, Line], AfterValidator(_Fixed)]
ByState = Annotated[dict[str, ByColumn], AfterValidator(_Fixed)]
OptionalServiceNowField = Annotated[
    Text,
    _matching(f"({_COLUMN})?", "is not a column name", 'use the name of a column, or "" for none'),
    Field(json_schema_extra={"pattern": f"^({_COLUMN})?$"}),
]
JiraField = Annotated[
    Text,
    _matching(
        _COLUMN,
        "is not a field id",
        "use the field's id, such as summary or customfield_10042, not its label",
    ),
    Field(json_schema_extra={"pattern": f"^{_COLUMN}$"}),
]
ProjectKey = Annotated[
    Text,
    _matching(
        r"[A-Za-z][A-Za-z0-9_]*", "is not a project key", "use the key, such as OPS, not the project's name"
    ),
]
Url = Annotated[Text, AfterValidator(_url), Field(examples=["https://example.com"])]
OptionalUrl = Annotated[Text, AfterValidator(lambda text: _url(text) if text else text)]
CloudId = Annotated[
    Text,
    _matching(
        rf"({_CLOUD_ID})?",
        "is not a site's id",
        "write the id that https://SITE.atlassian.net/_edge/tenant_info shows",
    ),
    Field(json_schema_extra={"pattern": f"^({_CLOUD_ID})?$"}),
]
StateUrl = Annotated[Text, AfterValidator(_state), Field(examples=["sqlite:///tieline.db"])]
EncodedQuery = Annotated[Text, AfterValidator(_encoded_query)]
Jql = Annotated[Text, AfterValidator(_jql)]
Day = Annotated[date, BeforeValidator(_day), Field(examples=["2024-03-01"])]
UnknownEntity = Annotated[
    Text, AfterValidator(_unknown_entity), Field(examples=["unassigned", "hold", "default:ID", "group:NAME"])
]
Alternatives = Annotated[
    tuple[Line, ...],
    BeforeValidator(_one_or_more),
    AfterValidator(_alternatives),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "array",
                    "items": {"type": "string", "minLength": 1},
                    "minItems": 1,
                    "uniqueItems": True,
                },
            ]
        }
    ),
]
Matches = Annotated[
    tuple[Literal["email", "user_name", "name"], ...],
    BeforeValidator(_one_or_more),
    AfterValidator(_alternatives),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": ["email", "user_name", "name"]},
                {
                    "type": "array",
                    "items": {"type": "string", "enum": ["email", "user_name", "name"]},
                    "minItems": 1,
                },
            ]
        }
    ),
]
Secret = Annotated[
    SecretRef,
    PlainValidator(_secret),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "pattern": f"^{_REFERENCE}$", "examples": FORMS.replace(" or", ",").split(", ")}
    ),
]
Duration = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    PlainSerializer(duration_text),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$", "examples": ["90s", "2m", "24h", "1d"]}),
]


Retention = Annotated[
    timedelta,
    PlainValidator(_retention),
    PlainSerializer(duration_text),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION}$", "examples": ["90d", "365d", "2555d"]}),
]


def lasting(text: str, description: str) -> Any:
    """A duration's default and meaning, with the default written as people write it."""
    length = parse_duration(text, MAX_RETENTION)
    return Field(default=length, description=description, json_schema_extra={"default": text})
