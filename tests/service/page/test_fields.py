"""What scripts are told of the fields."""

from __future__ import annotations

from streamgmm.events import Field, Schema
from streamgmm.service.page.fields import described_fields


def test_a_history_has_the_unit_that_it_is_told_in() -> None:
    schema = Schema(
        (
            Field("amount", "log1p", unit="EUR"),
            Field("since", "log1p", history="since", per="card"),
            Field(
                "against", "log1p", unit="EUR", source="amount", history="against_mean",
                per="card", half_life=60.0,
            ),
        )
    )  # fmt: skip
    units = {one["name"]: one["unit"] for one in described_fields(schema)}
    assert units == {"amount": "EUR", "since": "s", "against": ""}
