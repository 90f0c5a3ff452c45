"""A user's cars are read from a folder, or refused by file, value and what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from forecourt.cabinet.catalogue import CarFileError
from forecourt.runtime.car_files import CARS_MAX, load_cars

if TYPE_CHECKING:
    from pathlib import Path

MINE = """
title = "Mine"
battery_kwh = 50
curve = [[0, 100], [100, 10]]
pack_voltage = [[0, 350], [100, 400]]
max_current_a = 300
[sources]
battery_kwh = "Its data sheet."
curve = "A measurement."
pack_voltage = "Worked out."
max_current_a = "Its data sheet."
"""


def test_cars_of_a_folder_have_the_names_of_their_files(tmp_path: Path) -> None:
    (tmp_path / "van-7.toml").write_text(MINE.replace("50", "60"), encoding="utf-8")
    (tmp_path / "mine.toml").write_text(MINE, encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a car", encoding="utf-8")
    cars = load_cars(tmp_path)
    assert [(name, car.battery_kwh) for name, car in cars.items()] == [("mine", 50.0), ("van-7", 60.0)]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mine.toml", MINE.replace("300", "-3"), "max_current_a is between 1 and 3000 A, but -3.0 came"),
        ("mine.toml", MINE.replace("battery_kwh = 50", "colour = 'red'"), "a car has no colour"),
        ("family.toml", MINE, "family is the name of a car that is built in; expected another"),
        ("small.toml", MINE, "small is the name of a car that is built in"),
        ("my car.toml", MINE, "letters, digits, hyphens and underscores"),
        (f"{'x' * 41}.toml", MINE, "1 to 40 letters"),
    ],
)
def test_file_that_is_no_car_of_ones_own_is_refused_by_its_name(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(CarFileError) as caught:
        load_cars(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert said in str(caught.value)


def test_folder_that_is_none_or_holds_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CarFileError, match="a folder with the files of cars was expected: No such file"):
        load_cars(tmp_path / "nowhere")
    with pytest.raises(CarFileError, match=f"expected 1 to {CARS_MAX} files that end in .toml, but 0 are there"):
        load_cars(tmp_path)
    (tmp_path / "mine.toml").mkdir()
    with pytest.raises(CarFileError, match="a file that can be read was expected: Is a directory"):
        load_cars(tmp_path)
