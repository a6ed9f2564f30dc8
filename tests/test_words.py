from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamgmm.words import against, digits_of, number, quantity


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (54540.0, "54,540"),
        (999.7, "1,000"),
        (366.21, "366"),
        (9.996, "10"),
        (0.07189, "0.0719"),
        (-1234.5, "-1,234"),
        (1e-7, "1e-07"),
        (3e20, "3e+20"),
        (math.inf, "inf"),
    ],
)
def test_numbers_for_a_person(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(allow_nan=False))
def test_any_number_can_be_shown_and_is_short(value: float) -> None:
    assert len(number(value)) <= 20


@pytest.mark.parametrize(
    ("value", "unit", "digits", "text"),
    [
        (9_134_000, "B", 2, "9.1 MB"),
        (12_400, "B", 2, "12 kB"),
        (999.96e3, "B", 3, "1 MB"),
        (12, "B", 3, "12 B"),
        (0, "B", 3, "0 B"),
        (0.5, "B", 3, "0.5 B"),
        (-3e9, "bit/s", 3, "-3 Gbit/s"),
        (2e22, "B", 3, "20,000 EB"),
        (0.34, "s", 3, "340 ms"),
        (340, "ms", 3, "340 ms"),
        (2.5e-7, "s", 3, "250 ns"),
        (0, "s", 3, "0 s"),
        (1.52, "s", 3, "1.52 s"),
        (59.99, "s", 3, "1 min"),
        (125, "s", 3, "2 min 5 s"),
        (7512, "s", 3, "2 h 5 min"),
        (7512, "s", 6, "2 h 5 min 12 s"),
        (3599.9, "s", 3, "1 h"),
        (-90_000, "s", 3, "-1 d 1 h"),
        (90, "min", 3, "1 h 30 min"),
        (12_345.678, "EUR", 3, "12,346 EUR"),
        (1.5, "%", 3, "1.5 %"),
        (math.inf, "B", 3, "inf B"),
        (7, "", 3, "7"),
    ],
)
def test_quantities_for_a_person(value: float, unit: str, digits: int, text: str) -> None:
    assert quantity(value, unit, digits) == text


@example(1.795e308, "B")
@given(st.floats(allow_nan=False), st.sampled_from(["", "B", "s", "ns", "d", "EUR"]))
def test_any_quantity_can_be_shown(value: float, unit: str) -> None:
    text = quantity(value, unit)
    assert text
    assert len(text) <= 40


@given(st.floats(1e-9, 1e14))
def test_a_duration_is_right_to_its_digits(seconds: float) -> None:
    lengths = {"d": 86400, "h": 3600, "min": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
    parts = quantity(seconds, "s", 5).replace(",", "").split()
    total = sum(float(n) * lengths[unit] for n, unit in zip(parts[::2], parts[1::2], strict=True))
    assert total == pytest.approx(seconds, rel=1e-2)


def test_as_many_digits_as_tell_values_apart() -> None:
    assert digits_of(12_400.0, 36_000.0) == 2
    assert digits_of(1_000_012.0, 3.0) == 8
    assert digits_of(5.0, 0.0) == 3
    assert digits_of(0.0, 1.0) == 3
    assert digits_of(math.inf, 1.0) == 3
    assert digits_of(1e300, 1e-300) == 12


@given(st.floats(-1e9, 1e9), st.floats(0.1, 1e9))  # twelve digits tell these apart
def test_values_a_step_apart_read_differently(value: float, step: float) -> None:
    other = value + step
    digits = max(digits_of(value, step), digits_of(other, step))
    assert number(value, digits) != number(other, digits)


def test_a_value_against_what_was_expected() -> None:
    def in_bytes(value: float, digits: int) -> str:
        return quantity(value, "B", digits)

    assert against(9.13e6, 12_400, 4_020, 39_800, given_rest=True, show=in_bytes) == (
        "9.1 MB, expected 12 kB (4 kB to 40 kB) given the rest"
    )
    assert against(5e9 + 3, 5e9, 5e9 - 1, 5e9 + 1, given_rest=False) == (
        "5,000,000,003, usually 5,000,000,000 (4,999,999,999 to 5,000,000,001)"
    )
    assert against(1.013, 1.01, 1.008, 1.012, given_rest=False) == (
        "1.013, usually 1.01 (1.008 to 1.012)"
    )
    assert against(14.0, 1e-4, -0.05, 0.05, given_rest=False) == "14, usually 0 (-0.05 to 0.05)"
    assert against(3.0, 1.0, 1.0, 1.0, given_rest=True) == "3, expected 1 given the rest"
