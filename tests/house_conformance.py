"""The conformance page: every requirement of `tests/requirements.toml` with its verdict and what proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path


class Requirement(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One testable sentence about the product."""

    id: str
    source: str
    """Document and section it comes from."""
    role: str
    """station, supervision, screen or both"""
    says: str
    reading: str = ""
    """The readings it rests on, separated by commas: A1,A22"""


class _RequirementFile(msgspec.Struct, frozen=True):
    requirement: list[Requirement]


def load_requirements(path: Path) -> list[Requirement]:
    """The entries of a requirements file in its order; raises msgspec.ValidationError when one is malformed."""
    return msgspec.toml.decode(path.read_bytes(), type=_RequirementFile).requirement
