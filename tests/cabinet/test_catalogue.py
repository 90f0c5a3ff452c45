"""A car's file is taken whole or refused by the name of the value and what was expected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecourt.cabinet.car import OutputType
from forecourt.cabinet.catalogue import SIZE_MAX, CarFileError, read_car

GOOD = """
title = "A car of the tests"
battery_kwh = 50
curve = [[0, 100], [50, 100.5], [100, 10]]
pack_voltage = [[0, 350], [100, 400]]
max_current_a = 300.0
inlets = ["CCS2", "CHAdeMO"]
pauses = [[60, 30]]

[sources]
battery_kwh = "Its data sheet."
curve = "A measurement."
pack_voltage = "Worked out."
max_current_a = "Its data sheet."
inlets = "One look."
pauses = "Invented."
"""

REFUSED = [
    ("battery_kwh = 50", "battery_kwh = -50", "battery_kwh is between 1 and 2000 kWh, but -50.0 came"),
    ("battery_kwh = 50", "battery_kwh = nan", "battery_kwh is between 1 and 2000 kWh, but nan came"),
    ("battery_kwh = 50", "battery_kwh = inf", "battery_kwh is between 1 and 2000 kWh, but inf came"),
    ("battery_kwh = 50", "battery_kwh = 5e9", "battery_kwh is between 1 and 2000 kWh, but 5000000000.0 came"),
    ("battery_kwh = 50", f"battery_kwh = 1{'0' * 400}", "battery_kwh"),
    ("battery_kwh = 50", f"battery_kwh = 1{'0' * 5000}", "expected TOML"),
    ("battery_kwh = 50", "battery_kwh = '50'", "battery_kwh: Expected float, got str"),
    ("battery_kwh = 50", "battery_kwh = true", "battery_kwh: Expected float, got bool"),
    ("battery_kwh = 50", "batery_kwh = 50", "a car has no batery_kwh; expected battery_kwh"),
    ("battery_kwh = 50", "colour = 'red'", "a car has no colour; expected battery_kwh or curve"),
    ("max_current_a = 300.0\n", "", "sources has max_current_a, but the file gives no such value"),
    ("max_current_a = 300.0", "max_current_a = 0", "max_current_a is between 1 and 3000 A, but 0.0 came"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[[0, 100], [100, 50], [50, 10]]", "curve is a list of two or more points"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[[0, 9], [60, 9], [50, 9], [100, 9]]", "each further up than the one"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[[5, 100], [100, 10]]", "from 0 % up to 100 %"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[[0, 100], [90, 10]]", "from 0 % up to 100 %"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[[0, 100], [100, -1]]", "curve is between 0 and 4000 kW, but -1.0 came"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[[0, 100], [100, nan]]", "curve is between 0 and 4000 kW, but nan came"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[[0, 100, 3], [100, 10]]", "curve[0]: Expected array of length 2, got 3"),
    ("[[0, 100], [50, 100.5], [100, 10]]", "[]", "curve is a list of two or more points"),
    ("[[0, 350], [100, 400]]", "[[0, 400], [100, 350]]", "pack_voltage is a list of points that never falls"),
    ('["CCS2", "CHAdeMO"]', '["Type 2"]', "inlets[0]: Invalid enum value 'Type 2'; expected CCS2 or CHAdeMO"),
    ('["CCS2", "CHAdeMO"]', "[]", "inlets is CCS2, CHAdeMO or both"),
    ("[[60, 30]]", "[[60, 0]]", "pauses is between 1 and 86400 s, but 0.0 came"),
    ("[[60, 30]]", "[]\nfails_in = 'dinner'", "sources has no fails_in"),
    ('title = "A car of the tests"', "", "title is a text, what kind of car it is, but nothing came"),
    ('title = "A car of the tests"', "title = 7", "title is a text, what kind of car it is, but 7 came"),
    ('pauses = "Invented."', "", "sources has no pauses; expected a sentence"),
    ('pauses = "Invented."', 'pauses = " "', "sources.pauses is a sentence, but ' ' came"),
    ("[sources]", "[origins]", "sources is a table with a sentence for each value, but nothing came"),
    ("[sources]", "[[sources]]", "sources is a table with a sentence for each value"),
    ("battery_kwh = 50", "battery_kwh = 50\nbattery_kwh = 51", "expected TOML, but it is none"),
    ("battery_kwh = 50", "battery_kwh", "expected TOML, but it is none"),
    ("[[60, 30]]", "[" * 20_000, "expected TOML, but it is none"),
]


def test_file_of_a_car_becomes_the_car_with_its_title_and_sources() -> None:
    read = read_car(GOOD.encode(), "mine.toml")
    assert read.title == "A car of the tests"
    assert read.car.battery_kwh == 50.0
    assert read.car.curve == ((0, 100), (50, 100.5), (100, 10))
    assert read.car.inlets == (OutputType.CCS2, OutputType.CHADEMO)
    assert read.car.pauses == ((60, 30),)
    assert read.car.asked_w(0) == pytest.approx(100_005)
    assert (read.car.soc_percent, read.car.mac) == (20.0, None)
    assert read.sources["curve"] == "A measurement."


@pytest.mark.parametrize(("good", "bad", "said"), REFUSED)
def test_unknown_or_impossible_value_is_refused_by_file_name_and_expectation(good: str, bad: str, said: str) -> None:
    assert good in GOOD
    with pytest.raises(CarFileError) as caught:
        read_car(GOOD.replace(good, bad, 1).encode(), "mine.toml")
    sentence = str(caught.value)
    assert sentence.startswith("mine.toml: ")
    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_value_that_every_car_needs_is_missed_by_its_name() -> None:
    text = GOOD.replace("max_current_a = 300.0\n", "").replace('max_current_a = "Its data sheet."\n', "")
    with pytest.raises(CarFileError, match=r"mine\.toml: Object missing required field max_current_a"):
        read_car(text.encode(), "mine.toml")


@pytest.mark.parametrize(("phase", "said"), [("dinner", "Invalid enum value 'dinner'"), ("idle", "fails_in is")])
def test_phase_in_which_no_car_fails_is_refused_with_those_that_there_are(phase: str, said: str) -> None:
    text = f"fails_in = '{phase}'{GOOD}fails_in = 'Seen once.'"
    with pytest.raises(CarFileError) as caught:
        read_car(text.encode(), "mine.toml")
    assert said in str(caught.value)
    assert "insulation check" in str(caught.value)
    assert read_car(text.replace(phase, "ramp").encode(), "mine.toml").car.fails_in == "ramp"


def test_file_that_is_no_text_or_too_large_is_refused() -> None:
    with pytest.raises(CarFileError, match="expected UTF-8, but the byte at 2 is none"):
        read_car(b"# \xff", "mine.toml")
    with pytest.raises(CarFileError, match=f"at most {SIZE_MAX} bytes, but {SIZE_MAX + 1} came"):
        read_car(b"#" * (SIZE_MAX + 1), "mine.toml")


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_no_bytes_break_the_loader(noise: bytes, at: int) -> None:
    data = GOOD.encode()
    for text in (noise, data[:at] + noise + data[at:], data[:at] + noise):
        try:
            title = read_car(text, "mine.toml").title
        except CarFileError as refusal:
            title = str(refusal)
        assert title.strip()
