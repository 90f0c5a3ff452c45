"""The wire log of one station."""

from __future__ import annotations

import pytest

from forecourt.runtime.wire_log import HIDDEN, WireLog


def test_the_wire_log_is_bounded_and_keeps_what_it_cannot_read() -> None:
    log = WireLog(2)
    for frame in (b"one", b"\xff", b"[9]"):
        log.add(0.0, ">", frame)
    assert len(log) == 2
    assert [(message.text, message.action) for message in log.messages()] == [("\ufffd", None), ("[9]", None)]


def test_an_answer_has_the_action_of_its_call_and_the_real_time_it_took() -> None:
    log = WireLog(speed=10.0)
    log.add(5.0, "<", b'[2,"a","Reset",{"type":"Soft"}]')
    log.add(5.5, ">", b'[2,"a","Heartbeat",{}]')
    log.add(6.0, ">", b'[3,"a",{"status":"Accepted"}]')
    log.add(7.0, "<", b'[4,"a","GenericError","",{}]')
    log.add(7.0, "<", b'[3,"b",{}]')
    assert [(message.action, message.latency_ms) for message in log.messages()] == [
        ("Reset", None),
        ("Heartbeat", None),
        ("Reset", 100.0),
        ("Heartbeat", 150.0),
        (None, None),
    ]


def test_messages_are_numbered_from_the_first_of_the_process_and_have_the_id_of_their_call() -> None:
    log = WireLog(3)
    for frame in (b'[2,"a","Reset",{}]', b'[3,"a",{}]', b"nonsense", b'[2,"b","Heartbeat",{}]'):
        log.add(0.0, "<", frame)
    assert [(message.number, message.unique_id) for message in log.messages()] == [(2, "a"), (3, None), (4, "b")]


def test_the_value_of_the_authorization_key_is_not_shown() -> None:
    log = WireLog()
    for key in (b"authorizationKEY", b"WebSocketPingInterval"):
        log.add(0.0, "<", b'[2,"a","ChangeConfiguration",{"key":"%s","value":"5ec2e7"}]' % key)
    log.add(0.0, "<", b'[2,"b","GetConfiguration",{"key":["AuthorizationKey"]}]')
    secret, plain, asked = (message.text for message in log.messages())
    assert "5ec2e7" not in secret
    assert HIDDEN in secret
    assert "5ec2e7" in plain
    assert asked == '[2,"b","GetConfiguration",{"key":["AuthorizationKey"]}]'


@pytest.mark.parametrize(
    "frame",
    [
        b'[2,"a","ChangeConfiguration",{"key":"Authorization\\u004bey","value":"5ec2e7"}]',
        b'[2,"a","Change\\u0043onfiguration",{"key":"\\u0041uthorizationKey","value":"5ec2e7"}]',
        b'[2,"a","ChangeConfiguration",{"key":"AuthorizationKey","value":"5ec2e7"',
        b'[2,"a","ChangeConfiguration",{"Key":"AuthorizationKey","Value":"5ec2e7"}]',
        b'[2,"a","changeconfiguration",{"key":"AuthorizationKey","value":"5ec2e7"}]',
        b'[2,"a","ChangeConfiguration",{"key":"AuthorizationKey","value":["5ec2e7"]},"5ec2e7"]',
    ],
)
def test_the_value_is_not_shown_either_where_the_key_is_spelled_oddly_or_the_message_is_none(frame: bytes) -> None:
    log = WireLog()
    log.add(0.0, "<", frame)
    (message,) = log.messages()
    assert "5ec2e7" not in message.text
    assert HIDDEN in message.text


def test_who_hears_the_log_is_told_of_each_frame_as_it_is_added() -> None:
    log = WireLog(1)
    heard: list[tuple[float, str, bytes]] = []
    log.add(1.0, ">", b"before")
    log.hear = lambda wall_s, direction, frame: heard.append((wall_s, direction, frame))
    log.add(2.0, "<", b"one")
    log.add(3.0, ">", b"two")
    assert heard == [(2.0, "<", b"one"), (3.0, ">", b"two")]
