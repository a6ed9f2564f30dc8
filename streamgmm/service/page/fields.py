"""What scripts need to know of the fields: their scales and units, and how usual a category is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamgmm.events.encode import unit_of

if TYPE_CHECKING:
    from streamgmm.events import Batch, Schema

__all__ = ["CategoryShares", "described_fields"]


def described_fields(schema: Schema) -> list[dict[str, Any]]:
    """Describe the fields of a schema, as JSON shows them."""
    return [
        {
            "name": field.name,
            "kind": field.kind,
            "transform": field.transform,
            "unit": unit_of(field),
            "columns": list(field.columns),
        }
        for field in schema.fields
    ]


class CategoryShares:
    """How usual the categories of an event are, by the fields of a schema that are categories."""

    def __init__(self, schema: Schema) -> None:
        self._names = {
            column: field.name
            for field, column in zip(schema.fields, schema.offsets, strict=True)
            if field.kind == "category"
        }

    def of(self, batch: Batch, row: int) -> dict[str, float]:
        """Return the share of the events that had the same category as this one, by field."""
        return {
            self._names[column]: float(judged.share[row]) for column, judged in batch.judged.items()
        }
