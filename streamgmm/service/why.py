"""The reasons of an alert: each feature that does not fit, as a person reads it.

A number is shown against the range expected of it, a category by how often it is seen, a time of
day as on a clock. All of it comes from what was known when the event was scored.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from streamgmm.detection.reasons import USUAL
from streamgmm.events.cycles import CYCLES, UsualTime, shown_range
from streamgmm.events.field import EVENT_TIME
from streamgmm.words import against, number, quantity

if TYPE_CHECKING:
    from streamgmm.detection import Explanation, Reason
    from streamgmm.events import Batch, Encoder, Field, Schema

__all__ = ["ReasonWriter", "WhyRecord", "percent", "usual_shares"]

_LONGEST_CATEGORY: Final = 60


class WhyRecord(msgspec.Struct):
    """Why one feature is surprising; values in the units of the event.

    Of a category `value` is its text, the others are shares of the events; of a time of day or
    week all are as a clock shows them, and None where any time is usual.
    """

    feature: Annotated[str, Meta(description="the feature's name")]
    value: Annotated[float | str, Meta(description="as in the event; of a category its text")]
    expected: Annotated[
        float | str | None,
        Meta(
            description="given the other features or, where they are off together with it, in "
            "itself; of a category a share of the events"
        ),
    ]
    low: Annotated[
        float | str | None, Meta(description="two standard deviations below what is expected")
    ]
    high: Annotated[
        float | str | None, Meta(description="two standard deviations above what is expected")
    ]
    given_rest: Annotated[
        bool, Meta(description="whether `expected` is given the other features, or in itself")
    ]
    surprise: Annotated[float, Meta(description="of the value given the other features, in nats")]
    share: Annotated[
        float,
        Meta(
            description="its part of the squared distance from usual behaviour; those of all "
            "features sum to 1"
        ),
    ]
    text: Annotated[str, Meta(description="the reason in a sentence")]


class ReasonWriter:
    """Writes the reasons of one schema's events.

    Parameters
    ----------
    schema
        Names the features.
    encoder
        Turns the model's units back into the user's.
    """

    def __init__(self, schema: Schema, encoder: Encoder) -> None:
        self._fields = [field for field in schema.fields for _ in field.columns]
        self._first = [
            first
            for field, first in zip(schema.fields, schema.offsets, strict=True)
            for _ in field.columns
        ]
        self._encoder = encoder

    def write(self, explanation: Explanation | None, batch: Batch, row: int) -> list[WhyRecord]:
        """Give the reasons of one event of a batch, largest share first."""
        if explanation is None:
            return []
        by_column = {reason.feature: reason for reason in explanation.reasons}
        written: dict[int, WhyRecord] = {}
        for reason in explanation.main:
            first = self._first[reason.feature]
            field = self._fields[first]
            if first in written:
                continue  # a time's other column
            if field.kind == "number":
                written[first] = self._number(field, reason)
            elif field.kind == "category":
                written[first] = _category(field, reason, batch, row)
            else:
                written[first] = _time(field, by_column[first], by_column[first + 1])
        return sorted(written.values(), key=lambda why: -why.share)

    def _number(self, field: Field, reason: Reason) -> WhyRecord:
        feature, (centre, spread) = reason.feature, reason.reference
        value, expected, low, high = (
            self._encoder.plain(feature, encoded)
            for encoded in (
                reason.value,
                centre,
                centre - USUAL * spread,
                centre + USUAL * spread,
            )
        )
        show = partial(self._encoder.render, feature)
        text = against(
            value, expected, low, high, given_rest=reason.given_rest, show=show, noun=_noun(field)
        )
        return _told(field, reason, value, (expected, low, high), f"{field.name} {text}")


def _told(
    field: Field,
    reason: Reason,
    value: float | str,
    usual: tuple[float, float, float],
    text: str,
) -> WhyRecord:
    """Record one column's reason; ``usual`` is what is expected, and from where to where."""
    expected, low, high = usual
    return WhyRecord(
        feature=field.name,
        value=value,
        expected=expected,
        low=low,
        high=high,
        given_rest=reason.given_rest,
        surprise=reason.surprise,
        share=reason.share,
        text=text,
    )


def _noun(field: Field) -> str:
    """Say of a history what there is so much of; of other numbers nothing."""
    whose = f"this {field.per if isinstance(field.per, str) else 'key'}"
    if field.history == "since":
        return f" after the last event of {whose}"
    if field.history == "mean":
        return f" as the mean of {whose}"
    if field.history == "against_mean":
        return f" {'times' if field.transform == 'log1p' else 'off'} the mean of {whose}"
    within = quantity(field.half_life_seconds or 0.0, "s")
    if field.history == "count":
        return f" events of {whose} within about {within}"
    if field.history == "sum":
        return f" of {whose} within about {within}"
    return ""


def _category(field: Field, reason: Reason, batch: Batch, row: int) -> WhyRecord:
    judged = batch.judged[reason.feature]
    expected, low, high = usual_shares(*reason.reference)
    category = judged.category[row] or ""
    shown = category if len(category) <= _LONGEST_CATEGORY else f"{category[:_LONGEST_CATEGORY]}..."
    seen = _seen(field, float(judged.share[row]), float(judged.own_share[row]))
    lowest, highest = percent(low), percent(high)
    usual = f"{lowest} to {highest}" if lowest != highest else lowest
    rest = f"expected {usual} given the rest" if reason.given_rest else f"usually {usual}"
    text = f"{field.name} {shown} seen in {seen}, {rest}"
    return _told(field, reason, category, (expected, low, high), text)


def _seen(field: Field, share: float, own_share: float) -> str:
    seen = f"{percent(share)} of events" if share > 0 else "no event lately"
    if not field.given:
        return seen
    whose = field.given if isinstance(field.given, str) else "key"
    if math.isnan(own_share):
        return f"{seen} (this {whose} is new)"
    return f"{seen} (of this {whose}: {percent(own_share) if own_share > 0 else 'never'})"


def percent(share: float) -> str:
    """Write a share of the events."""
    return f"{number(100.0 * share, 2)}%"


def usual_shares(centre: float, spread: float) -> tuple[float, float, float]:
    """Return the usual share of a category, its lowest and its highest, from its surprises."""
    expected, low, high = (
        float(f"{min(math.exp(-surprise), 1.0):.12g}")
        for surprise in (centre, centre + USUAL * spread, centre - USUAL * spread)
    )
    return expected, low, high


def _time(field: Field, sine: Reason, cosine: Reason) -> WhyRecord:
    cycle = CYCLES[field.transform]
    value = cycle.clock(UsualTime.of(sine.value, cosine.value).centre)
    usual = UsualTime.of(sine.usual, cosine.usual)
    ends = shown_range(cycle, usual, USUAL)
    name = cycle.words if field.source == EVENT_TIME else field.name
    expected = None if ends is None else cycle.clock(usual.centre)
    within = "at any time" if ends is None else f"{expected} ({ends[0]} to {ends[1]})"
    return WhyRecord(
        feature=field.name,
        value=value,
        expected=expected,
        low=None if ends is None else ends[0],
        high=None if ends is None else ends[1],
        given_rest=False,
        surprise=max(sine.surprise, cosine.surprise),
        share=sine.share + cosine.share,
        text=f"{name} {value}, usually {within}",
    )
