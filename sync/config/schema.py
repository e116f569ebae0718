"""The JSON Schema of the configuration, for editors: what each table and setting means and takes."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from tieline.sync.config.model import Config


class _Schema(GenerateJsonSchema):
    """Says what TOML can say: it has no null, and a title that only repeats a key helps nobody."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the file; what must hold between settings is not in it."""
    schema = Config.model_json_schema(schema_generator=_Schema)
    return {"$schema": _Schema.schema_dialect, **schema, "title": "Tieline configuration"}
