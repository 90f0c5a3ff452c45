"""`forecourt demo`: a supervision and a station on which a car charges, to watch, to try out, or to run once."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from forecourt.cli.errors import Misuse, looked_up
from forecourt.cli.station import clock_speed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from forecourt.cli.demo_site import DemoPlan, DemoSite
    from forecourt.screen.site import SiteStep


T = TypeVar("T")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


def demo(
    model: Annotated[str, typer.Option(help="A commercial reference, see `forecourt guide models`.")] = "EVD1S180THB",
    speed: Annotated[float, typer.Option(help="How many seconds of the demo pass in a real one.")] = 1.0,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep everything in this folder; without it nothing is kept.")
    ] = None,
    security: Annotated[
        int | None,
        typer.Option(
            metavar="2|3", help="Deliver the station with security profile 1, then lead it up to this one, over TLS."
        ),
    ] = None,
    by_hand: Annotated[bool, typer.Option("--by-hand", help="Let no cars come: all is done on the page.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Run one whole session and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say everything as JSON.")] = False,
) -> None:
    """Run a supervision and a station with its page, and let cars arrive, charge and leave, until Ctrl-C.

    The page shows the driver's screen and a workbench; who uses it has the station to himself until a minute after the
    last car is unplugged. All is open on the usual ports, or on free ones where those are taken.
    """
    from forecourt.cli.demo_site import DemoPlan
    from forecourt.evlink.models import find_model
    from forecourt.runtime.loop import run

    if security not in (None, 2, 3):
        raise Misuse(f"--security takes 2 or 3, the security profile to lead the station to; {security} came.")
    if once and (by_hand or open_page):
        raise Misuse("--once runs one session and ends: it goes with neither --by-hand nor --open.")
    reference = looked_up(find_model, model).reference
    plan = DemoPlan(model=reference, speed=clock_speed(speed), data=data, security=security)
    if once:
        print(_summary(run(_once(plan, as_json)), as_json))
    else:
        run(_keep_showing(plan, as_json, by_hand=by_hand, open_page=open_page))


async def _once(plan: DemoPlan, as_json: bool) -> dict[str, Any]:
    from forecourt.cli.demo_story import Story

    async def story(site: DemoSite) -> dict[str, Any]:
        secured = await _secure(site, plan, lambda step: None if as_json else print(step_line(step), flush=True))
        session = await Story(site).once()
        return session if secured is None else session | {"security": secured}

    return await _on_site(plan, story)


async def _secure(site: DemoSite, plan: DemoPlan, tell: Callable[[SiteStep], None]) -> dict[str, Any] | None:
    """Lead the station to the security profile asked for; what came of it."""
    if plan.security is None:
        return None
    from forecourt.cli.demo_security import SecurityShow

    show = SecurityShow(site, tell)
    try:
        await show.lead(plan.security)
        return await show.result()
    finally:
        await show.close()


def step_line(step: SiteStep) -> str:
    """A step of the change of the security profile, in one line."""
    from forecourt.cli.words import printable

    return printable(f"{step.at:%H:%M:%S} {step.side:<11} {step.sentence}")


async def _keep_showing(plan: DemoPlan, as_json: bool, *, by_hand: bool, open_page: bool) -> None:
    """Run the story beside the view until one of them breaks or Ctrl-C comes."""
    import asyncio

    from forecourt.cli import live_view
    from forecourt.cli.demo_story import Story

    async def story(site: DemoSite) -> None:
        _introduce(site, plan, as_json)
        opening = asyncio.ensure_future(_open_page(site.page, as_json)) if open_page else None
        cars = Story(site)
        secured = await _secure(site, plan, lambda step: _tell_step(step, as_json))
        if secured is not None and as_json:
            _say({"event": "secured"} | {name: value for name, value in secured.items() if name != "steps"})
        async with asyncio.TaskGroup() as tasks:
            if not by_hand:
                tasks.create_task(cars.cars_come_and_go())
            if not as_json:
                tasks.create_task(live_view.show(site))
            if opening is not None:
                await opening
            await asyncio.get_running_loop().create_future()

    await _on_site(plan, story)


def _introduce(site: DemoSite, plan: DemoPlan, as_json: bool) -> None:
    from forecourt.cli import live_view
    from forecourt.cli.station_process import Teller

    if not as_json:
        print(live_view.introduction(site, plan.data), flush=True)
        return
    kept = None if plan.data is None else str(plan.data)
    station = {"identity": site.station.identity, "model": site.station.model.reference, "data": kept}
    _say({"event": "started"} | station | site.addresses)
    site.station.seat.listen(Teller(as_json=True).hear)


def _tell_step(step: SiteStep, as_json: bool) -> None:
    if as_json:
        _say({"event": "security", "at": step.at.isoformat(), "side": step.side, "sentence": step.sentence})
    else:
        print(step_line(step), flush=True)


async def _open_page(url: str, as_json: bool) -> None:
    from forecourt.cli.browser import open_browser

    sentence = await open_browser(url)
    if sentence is not None and as_json:
        _say({"event": "not opened", "reason": sentence})
    elif sentence is not None:
        print(sentence, flush=True)


def _say(data: dict[str, Any]) -> None:
    import json

    print(json.dumps(data), flush=True)


async def _on_site(plan: DemoPlan, story: Callable[[DemoSite], Coroutine[Any, Any, T]]) -> T:
    """Open a site, let a story happen on it, and close it whatever comes."""
    import asyncio

    from forecourt.cli.demo_site import DemoSite
    from forecourt.cli.station_process import watch_loop

    site = DemoSite(plan)
    await site.start()
    try:
        told = asyncio.ensure_future(story(site))
        ends: list[asyncio.Future[Any]] = [told, watch_loop(), asyncio.ensure_future(site.supervision.failed())]
        try:
            done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for broken in done - {told}:
                broken.result()
            return told.result()
        finally:
            for end in ends:
                end.cancel()
            await asyncio.wait(ends)
    finally:
        await site.stop()


def _summary(session: dict[str, Any], as_json: bool) -> str:
    import msgspec

    if as_json:
        return msgspec.json.encode(session).decode()
    minutes = (session["stoppedAt"] - session["startedAt"]).total_seconds() / 60
    cost = session["cost"]
    price = "" if cost is None else f" for {cost['gross']} {cost['currency']}"
    return (
        f"Session {session['transactionId']} of {session['idTag']} on {session['identity']} ({session['model']}): "
        f"{session['energyWh'] / 1000:.2f} kWh in {minutes:.0f} minutes{price}, ended with {session['reason']}."
    )
