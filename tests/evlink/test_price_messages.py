"""The data of CostUpdated and TariffDownload, as written and as read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from forecourt.evlink.price_messages import (
    CostUpdated,
    DownloadStatus,
    PriceMessageRefused,
    TariffDownload,
    cost_text,
    downloaded_text,
    read_cost,
    read_downloaded,
    read_tariff,
    tariff_text,
)

PRINTED = '{currency:"VNĐ","method":"CostUpdated","connectID":1,"totalCost":16780,"transactionId":358}'
"""The guide's example, which is no JSON."""

COST = {"currency": "EUR", "method": "CostUpdated", "connectID": 1, "totalCost": 3.5, "transactionId": 7}
TARIFF = {"fileType": "Tariff", "type": "file", "location": "ftp://abc.com/tariff.png", "size": 2097152}


def test_cost_is_written_as_the_guide_means_it() -> None:
    text = cost_text(CostUpdated(currency="VND", connectID=1, totalCost=16780, transactionId=358))
    assert text == '{"currency":"VND","method":"CostUpdated","connectID":1,"totalCost":16780,"transactionId":358}'


def test_tariff_is_written_as_the_guide_prints_it() -> None:
    text = tariff_text(TariffDownload(location="ftp://abc.com/tariff.png", size=2097152))
    assert text == '{"fileType":"Tariff","type":"file","location":"ftp://abc.com/tariff.png","size":2097152}'
    assert json.loads(downloaded_text(DownloadStatus.Downloaded)) == {"downloadStatus": "Downloaded"}


def test_printed_example_is_read_although_it_is_no_json() -> None:
    assert read_cost(PRINTED) == CostUpdated(currency="VNĐ", connectID=1, totalCost=16780, transactionId=358)


@pytest.mark.parametrize(
    "text",
    [
        '{"CURRENCY":"EUR","Method":"CostUpdated","connectid":1,"TotalCost":3.5,"TransactionId":7}',
        '{"currency":"EUR","method":"costupdated","connectorId":1,"totalCost":3.5,"transactionId":7}',
        '{ currency : "EUR", method:"CostUpdated",\n connectID: 1, totalCost :3.5, transactionId:7 }',
        '{"currency":"EUR","method":"CostUpdated","connectID":1,"totalCost":3.5,"transactionId":7,"vat":[{a:1}]}',
    ],
)
def test_names_are_read_in_any_case_with_or_without_quotes(text: str) -> None:
    assert read_cost(text) == CostUpdated(currency="EUR", connectID=1, totalCost=3.5, transactionId=7)


def test_what_looks_like_a_name_inside_a_text_stays_a_text() -> None:
    assert read_cost(PRINTED.replace("VNĐ", "a,b:{c:")).currency == "a,b:{c:"
    assert read_cost(PRINTED.replace("VNĐ", '\\"x,y:')).currency == '"x,y:'


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"totalCost": None}, "float"),
        ({"totalCost": "3.5"}, "float"),
        ({"totalCost": True}, "float"),
        ({"totalCost": -0.01}, ">= 0"),
        ({"connectID": "1"}, "int"),
        ({"connectID": 1.5}, "int"),
        ({"transactionId": None}, "int"),
        ({"transactionId": 2**63}, "<= "),
        ({"currency": ""}, ">= 1"),
        ({"currency": "E" * 21}, "<= 20"),
        ({"currency": 978}, "str"),
        ({"currency": "E\nU"}, "printable"),
        ({"currency": " "}, "printable"),
        ({"method": "CostUpdate"}, "method CostUpdated"),
        ({"connectorId": 1}, "connectID once"),
    ],
)
def test_cost_that_cannot_be_shown_is_refused_with_what_was_expected(change: dict[str, object], wrong: str) -> None:
    with pytest.raises(PriceMessageRefused, match=wrong):
        read_cost(json.dumps(COST | change))


@pytest.mark.parametrize("name", list(COST))
def test_cost_without_one_of_its_fields_is_refused(name: str) -> None:
    with pytest.raises(PriceMessageRefused, match=f"came no {name}"):
        read_cost(json.dumps({other: value for other, value in COST.items() if other != name}))


@pytest.mark.parametrize(
    "text",
    ["", "null", "7", "[]", '"{}"', "{", "{currency}", PRINTED[:-1], "[" * 100_000, "{a:" * 50_000]
    + [PRINTED.replace("16780", number) for number in ("NaN", "Infinity", "-Infinity", "1e400", "0x10")],
)
def test_data_that_is_no_object_in_json_is_refused(text: str) -> None:
    with pytest.raises(PriceMessageRefused, match="expected"):
        read_cost(text)


@given(
    some.text(some.characters(categories=["L", "N", "P", "Sc"]), min_size=1, max_size=20),
    some.integers(-(2**63), 2**63 - 1),
    some.floats(min_value=0, allow_infinity=False),
)
def test_whatever_cost_is_written_is_read_again(currency: str, number: int, amount: float) -> None:
    cost = CostUpdated(currency=currency, connectID=number, totalCost=amount, transactionId=number)
    assert read_cost(cost_text(cost)) == cost


@given(some.text(alphabet='{}[]",:ab1 \\\n.'))
def test_text_that_is_no_cost_is_refused_and_does_no_worse(text: str) -> None:
    with pytest.raises(PriceMessageRefused, match="expected"):
        read_cost(text)


# The tariff.


@pytest.mark.parametrize(
    "location",
    [
        "ftp://abc.com/tariff.png",
        "http://10.0.0.1:8080/a/b/tariff.png",
        "https://user:secret@cpo.example/tariff.png?version=2",
        "HTTPS://CPO.EXAMPLE/tariff.png",
    ],
)
def test_tariff_at_an_address_that_the_guide_allows_is_read(location: str) -> None:
    assert read_tariff(json.dumps(TARIFF | {"location": location})).location == location


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"fileType": "Firmware"}, "fileType Tariff"),
        ({"fileType": "tariff"}, "fileType Tariff"),
        ({"type": "url"}, "type file"),
        ({"location": "sftp://abc.com/tariff.png"}, "sftp"),
        ({"location": "file:///etc/tariff.png"}, "'file'"),
        ({"location": "tariff.png"}, "scheme ''"),
        ({"location": ""}, "scheme ''"),
        ({"location": "http:///tariff.png"}, "host"),
        ({"location": "http://[::1/tariff.png"}, "address"),
        ({"location": "http://abc.com/Tariff.png"}, "tariff.png"),
        ({"location": "http://abc.com/mytariff.png"}, "tariff.png"),
        ({"location": "http://abc.com/tariff.png/"}, "tariff.png"),
        ({"location": "http://abc.com/tariff.jpg"}, "tariff.png"),
        ({"location": "http://abc.com/?tariff.png"}, "tariff.png"),
        ({"size": 2097153}, "<= 2097152"),
        ({"size": 0}, ">= 1"),
        ({"size": -1}, ">= 1"),
        ({"size": "2048"}, "int"),
        ({"location": 7}, "str"),
    ],
)
def test_tariff_that_is_not_fetched_is_refused_with_what_was_expected(change: dict[str, object], wrong: str) -> None:
    with pytest.raises(PriceMessageRefused, match=wrong):
        read_tariff(json.dumps(TARIFF | change))


@pytest.mark.parametrize("name", list(TARIFF))
def test_tariff_without_one_of_its_fields_is_refused(name: str) -> None:
    with pytest.raises(PriceMessageRefused, match=f"came no {name}"):
        read_tariff(json.dumps({other: value for other, value in TARIFF.items() if other != name}))


def test_refusal_of_an_address_never_repeats_its_credentials() -> None:
    with pytest.raises(PriceMessageRefused) as refused:
        read_tariff(json.dumps(TARIFF | {"location": "gopher://user:secret@abc.com/tariff.png"}))
    assert "secret" not in str(refused.value)


def test_answer_to_a_tariff_is_read() -> None:
    assert read_downloaded('{ "downloadStatus": "Downloaded" }') is DownloadStatus.Downloaded
    assert read_downloaded('{"downloadStatus":"DownloadFailed"}') is DownloadStatus.DownloadFailed
    with pytest.raises(PriceMessageRefused, match="Lost"):
        read_downloaded('{"downloadStatus":"Lost"}')
