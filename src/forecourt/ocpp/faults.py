"""Which code a refused payload gets (OCPP-J 1.6 section 4.2.3; the mapping is that of the project's facts)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecourt.ocpp.errors import ErrorCode, PayloadFault

if TYPE_CHECKING:
    from forecourt.ocpp.types import Record


def payload_fault(payload: bytes, record: type[Record], refusal: Exception) -> PayloadFault:  # noqa: ARG001
    """Why `payload` is no `record`. `refusal` is what the decoder said."""
    return PayloadFault(ErrorCode.FormationViolation, str(refusal))
