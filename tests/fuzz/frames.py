"""Frames as nobody sent them before: made from the records of the messages, right, wrong in one place, or no frames.

Everything is drawn from one `Random`, so a seed is a case. Values lean to the edges of what a type allows, and to the
few names that the other side knows, so that what is well-formed also means something.
"""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import inspect

from forecourt.ocpp.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

TIMES = (
    *("2026-03-02T08:00:30Z", "2026-03-02T09:00:00+01:00", "2026-03-02T08:05:00.123456Z", "2026-03-03T00:00:00-12:00"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59Z", "2038-01-19T03:14:08Z"),
)
WORDS = (
    "",
    " ",
    "TAG",
    "tag",
    "A",
    "0",
    "-1",
    "x" * 20,
    "Å" * 19,
    "\u0000",
    "\u202e",
    "'; --",
    "%s%n",
    "{}",
    "\U0001f50c",
)
NUMBERS = (0, 1, 2, 3, 7, -1, 60, 300, 86400, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63))
REALS = (0, 0.1, 1, 16, 32.5, 9000, 1e6, -1, 1e308, 5e-324)
NO_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 1e308, 2**63, 2**64, -(2**63) - 1, "", "x" * 600, "not a date", [], [[]], {}, {"a": {}}),
    *(
        "2026-02-30T00:00:00Z",
        "2026-03-02T08:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "ACCEPTED",
    ),
)
URLS = ("ftp://127.0.0.1/x", "http://127.0.0.1:1/", "https://[::1", "ftp://", "gopher://h/", "x", "http://u:p@h/%zz")
BOMBS: dict[str, bytes] = {
    "deep arrays": b"[" * 100_000,
    "deep arrays that end": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "a deep payload": b'[2,"bomb","DataTransfer",' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"]",
    "a deep value": b'[2,"bomb","DataTransfer",{"vendorId":' + b"[" * 20_000 + b"]" * 20_000 + b"}]",
    "deep error details": b'[4,"bomb","GenericError","",' + b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"]",
    "a number of 100,000 digits": b'[2,"bomb","Heartbeat",{"a":' + b"9" * 100_000 + b"}]",
    "a type number of 100,000 digits": b"[" + b"2" * 100_000 + b',"bomb","Heartbeat",{}]',
    "an id that is a long number": b"[2," + b"1" * 100_000 + b',"Heartbeat",{}]',
    "a long fraction": b'[2,"bomb","Heartbeat",{"a":0.' + b"1" * 100_000 + b"}]",
    "a huge exponent": b'[2,"bomb","Heartbeat",{"a":1e999999999}]',
    "NaN": b'[2,"bomb","Heartbeat",{"a":NaN}]',
    "infinity": b'[2,"bomb","Heartbeat",{"a":-Infinity}]',
    "an infinite type number": b'[1e999,"bomb","Heartbeat",{}]',
    "a key twice": b'[2,"bomb","DataTransfer",{"vendorId":"A","vendorId":"B"}]',
    "an unknown key twice": b'[2,"bomb","Heartbeat",{"a":1,"a":2}]',
    "100,000 keys": b'[2,"bomb","Heartbeat",{' + b",".join(b'"%d":1' % number for number in range(60_000)) + b"}]",
    "a lone surrogate as value": b'[2,"bomb","DataTransfer",{"vendorId":"\\ud800"}]',
    "a lone surrogate as id": b'[2,"\\ud800","Heartbeat",{}]',
    "a lone surrogate as action": b'[2,"bomb","\\udfff",{}]',
    "a surrogate pair the wrong way round": b'[2,"bomb","DataTransfer",{"vendorId":"\\udc00\\ud800"}]',
    "a lone surrogate in error text": b'[4,"bomb","GenericError","\\ud800",{}]',
    "NUL as text": b'[2,"bomb","DataTransfer",{"vendorId":"a\\u0000b"}]',
    "NUL as id": b'[2,"\\u0000","Heartbeat",{}]',
    "NUL as a byte": b'[2,"bo\x00mb","Heartbeat",{}]',
    "NUL around": b'\x00[2,"bomb","Heartbeat",{}]\x00',
    "a byte order mark": b'\xef\xbb\xbf[2,"bomb","Heartbeat",{}]',
    "no UTF-8": b'[2,"bomb","DataTransfer",{"vendorId":"\xff\xfe"}]',
    "an overlong NUL": b'[2,"bomb","DataTransfer",{"vendorId":"\xc0\x80"}]',
    "a surrogate as bytes": b'[2,"bomb","DataTransfer",{"vendorId":"\xed\xa0\x80"}]',
    "a long action": b'[2,"bomb","' + b"A" * 100_000 + b'",{}]',
    "a long id": b'[2,"' + b"i" * 100_000 + b'","Heartbeat",{}]',
    "100,000 elements": b"[2" + b',"x"' * 100_000 + b"]",
    "spaces": b" " * 500_000 + b'[2,"bomb","Heartbeat",{}]',
    "nothing": b"",
    "two frames": b'[2,"bomb","Heartbeat",{}][2,"bomb2","Heartbeat",{}]',
    "half a frame": b'[2,"bomb","Heartbeat",{"a"',
    "half an escape": b'[2,"bomb\\u00',
    "a comment": b'[2,"bomb","Heartbeat",{}] // so there',
    "a number": b"2",
    "text": b'"2"',
}
"""Bad JSON, by what is bad about it. `bomb` is the id wherever one can be read."""


class Sent(NamedTuple):
    """A CALL that must be answered, once."""

    data: bytes
    call_id: str
    action: str


@cache
def shape_of(record: type) -> inspect.StructType:
    """What a record is made of."""
    shape = inspect.type_info(record)
    assert isinstance(shape, inspect.StructType)
    return shape


class Frames:
    """Makes frames. `known` are values by field name that mean something to who gets them."""

    def __init__(self, chance: Random, known: dict[str, Sequence[Any]]) -> None:
        self.chance = chance
        self.known = known
        self._count = 0

    # Payloads.

    def payload(self, record: type) -> dict[str, Any]:
        """What the record allows."""
        return self._object(shape_of(record))

    def _object(self, shape: inspect.StructType) -> dict[str, Any]:
        return {
            field.encode_name: self._field(field.encode_name, field.type)
            for field in shape.fields
            if field.required or self.chance.random() < 0.5
        }

    def _field(self, name: str, kind: inspect.Type) -> Any:
        if name in self.known and self.chance.random() < 0.8:
            return self.chance.choice(self.known[name])
        return self._value(kind)

    def _value(self, kind: inspect.Type) -> Any:
        chance = self.chance
        match kind:
            case inspect.Metadata():
                return self._value(kind.type)
            case inspect.UnionType():
                return self._value(kind.types[0])
            case inspect.StructType():
                return self._object(kind)
            case inspect.EnumType():
                return str(chance.choice(list(kind.cls)).value)
            case inspect.VarTupleType():
                count = chance.choice((kind.min_length or 0, 1, 2, min(30, kind.max_length or 30)))
                return [self._value(kind.item_type) for _ in range(max(count, kind.min_length or 0))]
            case inspect.StrType():
                return self._text(kind.max_length)
            case inspect.IntType():
                return chance.choice(NUMBERS) if chance.random() < 0.7 else chance.randrange(1000)
            case inspect.FloatType():
                return chance.choice(REALS)
            case inspect.DateTimeType():
                return chance.choice(TIMES)
            case inspect.BoolType():
                return chance.random() < 0.5
        return None

    def _text(self, most: int | None) -> str:
        if self.chance.random() < 0.1:
            return "y" * (most or 3000)
        return self.chance.choice((*WORDS, *URLS))[:most]

    # One thing wrong.

    def mutated(self, payload: dict[str, Any]) -> Any:
        """The same with one thing changed, which may still be right."""
        if self.chance.random() < 0.05:
            return self.chance.choice(NO_VALUES)
        changed = deepcopy(payload)
        places = list(_places(changed))
        if not places or self.chance.random() < 0.1:
            changed[self.chance.choice(("extra", "", "idtag", "__class__", "\u0000"))] = self.chance.choice(NO_VALUES)
            return changed
        inside, key = self.chance.choice(places)
        if self.chance.random() < 0.2:
            del inside[key]
        elif isinstance(inside[key], list) and self.chance.random() < 0.5:
            inside[key] = inside[key] * self.chance.choice((0, 2, 100))
        else:
            inside[key] = self.chance.choice(NO_VALUES)
        return changed

    # Frames.

    def next_id(self, what: str) -> str:
        """An id that no other CALL has."""
        self._count += 1
        return f"{what}-{self._count}"

    def call(self, actions: Sequence[str], what: str = "call") -> Sent:
        """A CALL of one of these actions, right or with one thing wrong; now and then of an action that is none."""
        name = self.chance.choice(actions)
        payload: Any = self.payload(ACTIONS[name].request)
        if self.chance.random() < 0.4:
            payload = self.mutated(payload)
        if self.chance.random() < 0.03:
            name = self.chance.choice(("", "Hack", name.lower(), name + " ", "x" * 100, "\u0000"))
        message_id = self.next_id(what)
        return Sent(encode([2, message_id, name, payload]), message_id, name)

    def answer(self, message_id: str, action: str) -> bytes:
        """An answer to a CALL, right or with one thing wrong, or a CALLERROR."""
        draw = self.chance.random()
        if draw < 0.15:
            error = [
                self.chance.choice(("InternalError", "", "Nonsense" * 20)),
                self.chance.choice(WORDS),
                {"a": [None]},
            ]
            return encode([4, message_id, *error[: self.chance.choice((1, 2, 3, 3, 3))]])
        payload: Any = self.payload(ACTIONS[action].response)
        return encode([3, message_id, self.mutated(payload) if draw < 0.4 else payload])

    def no_frame(self) -> bytes:
        """Something that is a frame no longer: cut, flipped, doubled, or with other elements."""
        whole = self.call(("DataTransfer", "Heartbeat", "Reset"), "junk").data
        frame = json.loads(whole)
        chance = self.chance
        match chance.randrange(5):
            case 0:
                return whole[: chance.randrange(len(whole))]
            case 1:
                place = chance.randrange(len(whole))
                return whole[:place] + bytes((chance.randrange(256),)) + whole[place + 1 :]
            case 2:
                frame[chance.randrange(4)] = chance.choice(NO_VALUES)
            case 3:
                frame[0] = chance.choice((3, 4, 5, 0, 2.0, "2", None))
            case _:
                frame = frame[: chance.randrange(4)] if chance.random() < 0.5 else frame * 2
        return encode(frame)


def encode(frame: Any) -> bytes:
    """As a peer in Python would write it."""
    return json.dumps(frame, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Any:
    """Every place in a payload: the container and the key."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])
