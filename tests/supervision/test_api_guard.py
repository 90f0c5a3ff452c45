"""The supervision's API obeys no page of another origin, and answers under no name that somebody made to point here."""

from __future__ import annotations

import pytest

from tests.supervision_peers import play, running

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example", **JSON}, 421),
        ({"origin": "http://evil.example", **JSON}, 403),
        ({"sec-fetch-site": "cross-site", **JSON}, 403),
        ({"sec-fetch-site": "same-origin", "content-type": "text/plain"}, 415),
        ({"host": "localhost", **JSON}, 200),
        ({}, 200),
    ],
)
def test_a_request_of_another_origin_changes_nothing(headers: dict[str, str], status: int) -> None:
    async def scenario() -> None:
        async with running() as site:
            tags = "/api/id-tags/GUEST"
            answer = await site.http.put(tags, content=b'{"status": "Accepted"}', headers=headers)
            assert answer.is_success is (status == 200), answer.text
            if not answer.is_success:
                assert (answer.status_code, "expected" in answer.json()["error"]) == (status, True)
            assert (await site.http.get(tags)).is_success is (status == 200)
            assert answer.headers["x-content-type-options"] == "nosniff"

    play(scenario())
