"""`forecourt demo`: a supervision and a station on which a car charges, to watch, to try out, or to run once."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from forecourt.cli.errors import looked_up
from forecourt.cli.station import clock_speed

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from forecourt.cli.demo_site import DemoPlan, DemoSite


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
    once: Annotated[bool, typer.Option("--once", help="Run one whole session and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say everything as JSON.")] = False,
) -> None:
    """Run a supervision and a station, and let cars arrive, charge and leave, until Ctrl-C.

    Both are open on the usual ports, or on free ones where those are taken.
    """
    from forecourt.cli.demo_site import DemoPlan
    from forecourt.evlink.models import find_model
    from forecourt.runtime.loop import run

    plan = DemoPlan(model=looked_up(find_model, model).reference, speed=clock_speed(speed), data=data)
    if once:
        print(_summary(run(_once(plan)), as_json))
    else:
        run(_keep_showing(plan, as_json))


async def _once(plan: DemoPlan) -> dict[str, Any]:

    from forecourt.cli.demo_story import Story

    async def story(site: DemoSite) -> dict[str, Any]:
        return await Story(site).once()

    return await _on_site(plan, story)


async def _keep_showing(plan: DemoPlan, as_json: bool) -> None:
    """Run the story beside the view until one of them breaks or Ctrl-C comes."""
    import asyncio
    import json

    from forecourt.cli import live_view
    from forecourt.cli.demo_story import Story
    from forecourt.cli.station_process import Teller

    async def story(site: DemoSite) -> None:
        if as_json:
            kept = None if plan.data is None else str(plan.data)
            station = {"identity": site.station.identity, "model": site.station.model.reference, "data": kept}
            print(json.dumps({"event": "started"} | station | site.addresses), flush=True)
            site.station.seat.listen(Teller(as_json=True).hear)
        else:
            print(live_view.introduction(site, plan.data), flush=True)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Story(site).cars_come_and_go())
            if not as_json:
                tasks.create_task(live_view.show(site))

    await _on_site(plan, story)


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
    return (
        f"Session {session['transactionId']} of {session['idTag']} on {session['identity']} ({session['model']}): "
        f"{session['energyWh'] / 1000:.2f} kWh in {minutes:.0f} minutes, ended with {session['reason']}."
    )
