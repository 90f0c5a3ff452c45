"""`forecourt guide`: JSON, filters, cards and tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from forecourt.cli import tables
from forecourt.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., Any]


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run `forecourt guide ... --json` and read what it printed."""

    def asked(*arguments: str) -> Any:
        assert run(["guide", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    return asked


def one(objects: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    found = [row for row in objects if wanted.items() <= row.items()]
    assert len(found) == 1
    return found[0]


def test_models_as_json_are_all_58_with_power_outputs_and_product(ask: Ask) -> None:
    models = ask("models")
    assert len(models) == 58
    model = one(models, reference="EVD1S180THB")
    assert (model["power_kw"], model["outputs"]) == (180, ["CCS2", "CHAdeMO"])
    assert model["product"] == "EVlink Pro DC 180"
    assert model["assumed"] == ["connector_limited_kw", "modules"]
    assert "product" in one(models, reference="EVD2S240TBB")["assumed"]


def test_keys_as_json_are_all_80_with_name_access_and_default(ask: Ask) -> None:
    keys = ask("keys")
    assert len(keys) == 80
    assert {row["access"] for row in keys} == {"RO", "RW", "W"}
    heartbeat = one(keys, name="HeartbeatInterval")
    assert (heartbeat["access"], heartbeat["default"], heartbeat["unit"]) == ("RW", "60", "s")
    assert one(keys, name="AuthorizationKey")["default"] is None


def test_faults_as_json_are_all_43_with_dtc_error_code_and_description(ask: Ask) -> None:
    faults = ask("faults")
    assert len(faults) == 43
    fault = one(faults, dtc="0x100202")
    assert (fault["error_code"], fault["error_code_printed"]) == ("InternalError", False)
    assert fault["description"] == "Terminal emergency stop is pressed"
    assert fault["stop_reason"] == "EmergencyStop"


def test_model_fills_in_the_defaults_that_depend_on_it(ask: Ask) -> None:
    without, with_it = ask("keys"), ask("keys", "--model", "evd1s60thb")
    for name, default in [("ChargeLimitedPower", "60"), ("ConnectorAType", "CCS2"), ("ConnectorBType", "CHAdeMO")]:
        assert one(without, name=name)["default"] is None
        assert one(without, name=name)["default_from_model"] is True
        assert one(with_it, name=name)["default"] == default


def test_model_filters_the_models_and_is_checked_for_the_faults(ask: Ask) -> None:
    assert [row["reference"] for row in ask("models", "--model", "EVD2S60TBBC7")] == ["EVD2S60TBBC7"]
    assert len(ask("faults", "--model", "EVD2S60TBBC7")) == 43


@pytest.mark.requirement("GUIDE-BOOT-06")
@pytest.mark.parametrize("table", ["models", "keys", "faults"])
def test_unknown_model_is_refused_with_near_misses(table: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guide", table, "--model", "EVD1S180THX"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "'EVD1S180THX' is no commercial reference of the guide; nearest are EVD1S180THB" in err


@pytest.mark.parametrize("product", ["EVlink Pro DC 60 V2", "60 V2", "60v2"])
def test_product_filters_the_models_under_its_long_or_short_name(ask: Ask, product: str) -> None:
    assert [row["reference"] for row in ask("models", "--product", product)] == [
        "EVD2S60TBB",
        "EVD2S60TBBC",
        "EVD2S60TBBC7",
    ]


def test_unknown_product_is_refused_with_all_five(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guide", "models", "--product", "Pro AC"]) == 2
    assert "'Pro AC' is no product of the guide; expected one of EVlink Pro DC 60, " in capsys.readouterr().err


def test_filters_of_the_keys_narrow_the_list(ask: Ask) -> None:
    assert [row["name"] for row in ask("keys", "--access", "w")] == ["AuthorizationKey"]
    assert len(ask("keys", "--no-plug-and-charge")) == 69
    assert one(ask("keys", "--plug-and-charge"), name="CertificateStoreMaxLength")["default"] == "1000"
    older = [row["name"] for row in ask("keys", "--firmware", "3.4.8821")]
    assert len(older) == 59
    assert "FreeCharging" not in older


def test_firmware_is_that_of_the_models_product(ask: Ask) -> None:
    def names(model: str) -> list[str]:
        return [row["name"] for row in ask("keys", "--firmware", "2.6.11", "--model", model)]

    assert "SecurityProfile" in names("EVD1S60TBB")
    assert "SecurityProfile" not in names("EVD1S180TBB")


def test_filters_of_the_faults_narrow_the_list(ask: Ask) -> None:
    assert {row["severity"] for row in ask("faults", "--severity", "warning")} == {"warning"}
    guns = ask("faults", "--scope", "connector")
    assert len(guns) == 12
    both = ask("faults", "--scope", "connector", "--severity", "warning")
    assert [row["dtc"] for row in both] == ["0x100007", "0x10000C", "0x100102"]


def test_one_key_is_shown_as_a_card_also_under_its_misspelling(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guide", "keys", "authorizationcacheenable"]) == 0
    lines = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines())
    assert lines["name"].strip() == "AuthorizationCacheEnabled"
    assert lines["aliases"].strip() == "AuthorizationCacheEnable"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("keys", "HartbeatInterval"), "nearest is HeartbeatInterval"),
        (("faults", "0x100201"), "is no vendor error code of the guide"),
        (("models", "EVD1S180"), "is no commercial reference of the guide"),
    ],
)
def test_unknown_row_is_a_misuse(arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guide", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_one_fault_and_one_model_are_shown_as_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guide", "faults", "20020c"]) == 0
    assert "advice       Have an electrician" in capsys.readouterr().out
    assert run(["guide", "models", "EVD2S180TBBC-G"]) == 0
    assert "eichrecht candidate   yes" in capsys.readouterr().out


@pytest.mark.parametrize(("table", "rows"), [("models", 58), ("keys", 80), ("faults", 43)])
def test_table_in_a_pipe_has_a_plain_line_a_row(table: str, rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["guide", table]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == rows + 1
    assert "\x1b" not in out
    assert all(line == line.rstrip() for line in out.splitlines())


@pytest.mark.parametrize(("table", "whole"), [("models", "EVD1S180TBBC7-AN"), ("keys", "ChargingScheduleAllowedCharg")])
def test_table_in_a_terminal_fits_100_columns_and_keeps_names_whole(
    table: str, whole: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(tables, "is_terminal", lambda: True)
    assert run(["guide", table]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert whole in out
