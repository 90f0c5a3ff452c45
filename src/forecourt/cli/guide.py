"""`forecourt guide models|keys|faults`: what the connectivity guide says, as tables, cards or JSON."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from forecourt.cli.errors import Misuse, looked_up
from forecourt.cli.tables import print_card, print_table
from forecourt.evlink.faults import FAULTS, Fault, Scope, Severity, find_fault
from forecourt.evlink.generations import PRODUCT_LINES, Product
from forecourt.evlink.keys import KEYS, Access, Key, Visibility, default_of, keys_of, require_key
from forecourt.evlink.models import MODELS, Model, find_model

if TYPE_CHECKING:
    from collections.abc import Sequence

guide = typer.Typer(
    help="Show the guide's tables: models, configuration keys and vendor errors.", no_args_is_help=False
)

_Json = Annotated[bool, typer.Option("--json", help="A list of objects instead of a table.")]


def register(app: typer.Typer) -> None:
    """Add `guide` to the command line."""
    app.add_typer(guide, name="guide")


# Models


@guide.command("models")
def show_models(
    reference: Annotated[str | None, typer.Argument(help="Show one model as a card.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only this commercial reference.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Only this product, such as '180 V2'.")] = None,
    as_json: _Json = False,
) -> None:
    """The 58 commercial references, their power and outputs."""
    chosen: Sequence[Model] = MODELS
    for name in (reference, model):
        if name is not None:
            wanted = looked_up(find_model, name)
            chosen = [row for row in chosen if row is wanted]
    if product is not None:
        wanted_product = _product(product)
        chosen = [row for row in chosen if row.product is wanted_product]
    if as_json:
        _print_json([model_object(row) for row in chosen])
    elif reference is not None and len(chosen) == 1:
        print_card(_lines(model_object(chosen[0])))
    else:
        print_table(
            f"{len(chosen)} of {len(MODELS)} models (* assumed, the guide does not say)",
            ("Reference", "kW", "Outputs", "Product", "Gun A/B kW*", "At power loss"),
            [_model_row(row) for row in chosen],
            right={"kW"},
        )


def model_object(model: Model) -> dict[str, Any]:
    """A model as JSON. `assumed` names the fields that are not in the guide."""
    assumed = {
        "product": f" {model.power_kw}" not in model.product,
        "connector_limited_kw": True,
        "modules": True,
        "tariff_picture_px": model.product not in (Product.PRO_DC_60, Product.PRO_DC_180),
    }
    return {
        "reference": model.reference,
        "power_kw": model.power_kw,
        "outputs": [output.value for output in model.outputs],
        "product": model.product.value,
        "generation": model.generation.prefix,
        "connector_limited_kw": list(model.connector_limited_kw),
        "modules": model.assumed_modules,
        "stop_at_power_loss": model.generation.power_loss_stop.value,
        "tariff_picture_px": list(model.line.tariff_picture_px),
        "eichrecht_candidate": model.eichrecht_candidate,
        "assumed": [field for field, is_assumed in assumed.items() if is_assumed],
    }


def _model_row(model: Model) -> tuple[str, ...]:
    return (
        model.reference,
        str(model.power_kw),
        " + ".join(model.outputs),
        model.product,
        " / ".join(map(str, model.connector_limited_kw)),
        model.generation.power_loss_stop,
    )


def _product(text: str) -> Product:
    """A product by its name, or by the end of it, such as `180 V2`."""
    wanted = text.lower().removeprefix("evlink pro dc").replace(" ", "")
    for line in PRODUCT_LINES:
        if line.product.lower().removeprefix("evlink pro dc").replace(" ", "") == wanted:
            return line.product
    names = ", ".join(line.product for line in PRODUCT_LINES)
    raise Misuse(f"{text!r} is no product of the guide; expected one of {names}.")


# Keys


@guide.command("keys")
def show_keys(
    name: Annotated[str | None, typer.Argument(help="Show one key as a card.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Fill in the defaults that depend on the model.")] = None,
    access: Annotated[Access | None, typer.Option("--access", case_sensitive=False, help="Only this access.")] = None,
    firmware: Annotated[str | None, typer.Option("--firmware", help="Only what this firmware knows.")] = None,
    plug_and_charge: Annotated[
        bool | None,
        typer.Option(
            "--plug-and-charge/--no-plug-and-charge", help="Only what a station knows with ISO15118PnCEnabled so."
        ),
    ] = None,
    as_json: _Json = False,
) -> None:
    """The 80 configuration keys: access, type, default and range."""
    station = looked_up(find_model, model) if model is not None else None
    chosen: Sequence[Key] = KEYS
    if name is not None:
        chosen = [looked_up(require_key, name)]
    if firmware is not None:
        known = keys_of(firmware, plug_and_charge=True, product=station.product if station else None)
        chosen = [key for key in chosen if key in known]
    if plug_and_charge is False:
        chosen = [key for key in chosen if key.visibility is not Visibility.WITH_PLUG_AND_CHARGE]
    if access is not None:
        chosen = [key for key in chosen if key.access is access]
    if as_json:
        _print_json([key_object(key, station, bool(plug_and_charge)) for key in chosen])
    elif name is not None and chosen:
        print_card(_lines(key_object(chosen[0], station, bool(plug_and_charge))))
    else:
        print_table(
            f"{len(chosen)} of {len(KEYS)} configuration keys",
            ("Key", "Access", "Takes", "Since", "Default"),
            [_key_row(key, station, bool(plug_and_charge)) for key in chosen],
        )


def key_object(key: Key, model: Model | None, plug_and_charge: bool) -> dict[str, Any]:
    """A key as JSON. `default` is null when there is none, and when it depends on a model that was not given."""
    return {
        "name": key.name,
        "section": key.section.value,
        "access": key.access.value,
        "type": key.type.value,
        "default": _default(key, model, plug_and_charge),
        "default_from_model": key.default_from_model is not None,
        "default_when_provisioned": key.default_when_provisioned,
        "default_with_plug_and_charge": key.default_with_plug_and_charge,
        "unit": key.unit,
        "minimum": key.minimum,
        "maximum": key.maximum,
        "max_length": key.max_length if key.type == "string" else None,
        "choices": list(key.choices),
        "max_items": key.max_items,
        "max_items_key": key.max_items_key,
        "visibility": key.visibility.value,
        "effect": key.effect.value,
        "since_firmware": key.since.version_for(model.product if model else None) if key.since else None,
        "aliases": list(key.aliases),
        "reading": key.reading.split(),
    }


def _default(key: Key, model: Model | None, plug_and_charge: bool) -> str | None:
    if model is not None:
        return default_of(key, model, plug_and_charge)
    return key.default_with_plug_and_charge if plug_and_charge and key.default_with_plug_and_charge else key.default


def _key_row(key: Key, model: Model | None, plug_and_charge: bool) -> tuple[str, ...]:
    default = _default(key, model, plug_and_charge)
    if default is None:
        shown = "from the model" if key.default_from_model else "-"
    else:
        shown = default.replace(",", ", ") if default else '""'
    return (key.name, key.access, _takes(key), key.since.firmware if key.since else "", shown)


def _takes(key: Key) -> str:
    """The type of a key and, when it can be written, its range."""
    if key.access is Access.RO or key.type == "boolean":
        return key.type
    if key.type == "integer":
        return f"{key.minimum} to {key.maximum}" + (f" {key.unit}" if key.unit else "")
    return f"list, {key.max_items} at most" if key.type == "list" else f"text, {key.max_length} at most"


# Faults


@guide.command("faults")
def show_faults(
    dtc: Annotated[str | None, typer.Argument(help="Show one vendor error as a card, with what to do.")] = None,
    severity: Annotated[Severity | None, typer.Option("--severity", case_sensitive=False, help="Only these.")] = None,
    scope: Annotated[Scope | None, typer.Option("--scope", case_sensitive=False, help="Only these.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="A model; all of them have the same errors.")] = None,
    as_json: _Json = False,
) -> None:
    """The 43 vendor errors: DTC, error code, and what each of them does."""
    if model is not None:
        looked_up(find_model, model)
    chosen: Sequence[Fault] = FAULTS if dtc is None else [looked_up(find_fault, dtc)]
    chosen = [fault for fault in chosen if severity is None or fault.severity is severity]
    chosen = [fault for fault in chosen if scope is None or fault.scope is scope]
    if as_json:
        _print_json([fault_object(fault) for fault in chosen])
    elif dtc is not None and chosen:
        print_card(_lines(fault_object(chosen[0])))
    else:
        print_table(
            f"{len(chosen)} of {len(FAULTS)} vendor errors",
            ("DTC", "Error code", "Description", "Concerns", "Does"),
            [(row.dtc, row.error_code, row.description, row.scope, row.consequence) for row in chosen],
        )


def fault_object(fault: Fault) -> dict[str, Any]:
    """A vendor error as JSON."""
    return {
        "dtc": fault.dtc,
        "error_code": fault.error_code.value,
        "error_code_printed": fault.printed,
        "description": fault.description,
        "scope": fault.scope.value,
        "severity": fault.severity.value,
        "consequence": fault.consequence.value,
        "stop_reason": fault.stop_reason.value if fault.stop_reason else None,
        "advice": fault.advice,
    }


# Printing


def _print_json(objects: list[dict[str, Any]]) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(objects), indent=2).decode() + "\n")


def _lines(row: dict[str, Any]) -> list[tuple[str, str]]:
    """An object's fields as label and text; what is not there is empty."""
    return [(label.replace("_", " "), _text(value)) for label, value in row.items()]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)
