"""The configuration keys as rows, in the guide's order.

Bounds that the guide does not print are ours: an interval goes up to a year, so that sums of times stay exact, one that
counts from midnight up to a day; a count of repeats up to 100. The names in a certificate's subject have X.509's bound.
"""

from __future__ import annotations

from forecourt.evlink.firmware import AUTHENTICATION_MODES, SECURITY_EXTENSION
from forecourt.evlink.key import Access, Effect, Key, KeyType, Section, Visibility
from forecourt.evlink.key_rules import (
    country,
    evse_ids,
    id_tag,
    identity,
    nought_or_from_5,
    only_false,
    password_hex,
    phase_rotation,
    printable,
    printable_ascii,
    websocket_url,
)

_RO, _RW, _W = Access.RO, Access.RW, Access.W
_BOOLEAN, _INTEGER, _STRING, _LIST = KeyType.BOOLEAN, KeyType.INTEGER, KeyType.STRING, KeyType.LIST
_NEXT = Effect.NEXT_SESSION
_S, _V, _P = Section.STANDARD, Section.NON_STANDARD, Section.PLUG_AND_CHARGE
_HIDDEN = Visibility.WITH_PLUG_AND_CHARGE
_SINCE = AUTHENTICATION_MODES

DAY_S = 86_400
YEAR_S = 365 * DAY_S
COUNT_MAX = 100
STATION_MAX_KW = 320
SUBJECT_MAX_LENGTH = 64

MEASURANDS = (
    "Current.Import",
    "Current.Offered",
    "Energy.Active.Import.Register",
    "Power.Offered",
    "Power.Active.Import",
    "SoC",
    "Voltage",
)
"""What the station can measure: the union of the key defaults, and Voltage (A17, A18)."""

_ALIGNED = ",".join(MEASURANDS[:5])
_SAMPLED = ",".join(MEASURANDS[:6])
_PROFILES = (
    "Core",
    "FirmwareManagement",
    "LocalAuthListManagement",
    "Reservation",
    "SmartCharging",
    "RemoteTrigger",
)
_OUTPUTS = ("CCS2", "CHAdeMO")

# fmt: off
_STANDARD: tuple[Key, ...] = (
    Key(_S, "AllowOfflineTxForUnknownId", _RW, _BOOLEAN, "true"),
    Key(_S, "AuthorizationCacheEnabled", _RW, _BOOLEAN, "false",
        aliases=("AuthorizationCacheEnable",), reading="A1 A3"),
    Key(_S, "AuthorizeRemoteTxRequests", _RW, _BOOLEAN, "true", reading="A1"),
    Key(_S, "ClockAlignedDataInterval", _RW, _INTEGER, "0", "s", 0, DAY_S, reading="A1"),
    Key(_S, "ConnectionTimeOut", _RW, _INTEGER, "120", "s", 0, YEAR_S, reading="A1 A28"),
    Key(_S, "GetConfigurationMaxKeys", _RO, _INTEGER, "200", "keys", 1, 200),
    Key(_S, "HeartbeatInterval", _RW, _INTEGER, "60", "s", 1, YEAR_S),
    Key(_S, "LocalAuthorizeOffline", _RW, _BOOLEAN, "true", reading="A1"),
    Key(_S, "LocalPreAuthorize", _RW, _BOOLEAN, "false", reading="A1"),
    Key(_S, "MeterValuesAlignedData", _RW, _LIST, _ALIGNED, choices=MEASURANDS,
        max_items=9, max_items_key="MeterValuesAlignedDataMaxLength", reading="A1 A2 A17"),
    Key(_S, "MeterValuesAlignedDataMaxLength", _RO, _INTEGER, "9", "items", 0, 9),
    Key(_S, "MeterValuesSampledData", _RW, _LIST, _SAMPLED, choices=MEASURANDS,
        max_items=8, max_items_key="MeterValuesSampledDataMaxLength", reading="A2 A17"),
    Key(_S, "MeterValuesSampledDataMaxLength", _RO, _INTEGER, "8", "items", 0, 8, reading="A1"),
    Key(_S, "MeterValueSampleInterval", _RW, _INTEGER, "60", "s", 0, YEAR_S),
    Key(_S, "MinimumStatusDuration", _RW, _INTEGER, "10", "s", 0, YEAR_S, reading="A1"),
    Key(_S, "NumberOfConnectors", _RO, _INTEGER, "2", "connectors", 2, 2),
    Key(_S, "ResetRetries", _RW, _INTEGER, "2", "times", 0, COUNT_MAX),
    Key(_S, "ConnectorPhaseRotationMaxLength", _RO, _INTEGER, "1", "items", 1, 1),
    Key(_S, "ConnectorPhaseRotation", _RW, _LIST, "NotApplicable",
        max_items=1, max_items_key="ConnectorPhaseRotationMaxLength", rule=phase_rotation),
    Key(_S, "StopTransactionOnEVSideDisconnect", _RW, _BOOLEAN, "true", reading="A1 A45"),
    Key(_S, "StopTransactionOnInvalidId", _RW, _BOOLEAN, "true", reading="A1"),
    Key(_S, "StopTxnAlignedDataMaxLength", _RO, _INTEGER, "1", "items", 0, 1, reading="A22"),
    Key(_S, "StopTxnSampledDataMaxLength", _RO, _INTEGER, "2", "items", 0, 2, reading="A1 A22"),
    Key(_S, "SupportedFeatureProfiles", _RO, _LIST, ",".join(_PROFILES), choices=_PROFILES,
        max_items=6, max_items_key="SupportedFeatureProfilesMaxLength", reading="A1 A2"),
    Key(_S, "SupportedFeatureProfilesMaxLength", _RO, _INTEGER, "6", "items", 0, 6, reading="A1"),
    Key(_S, "TransactionMessageAttempts", _RW, _INTEGER, "2", "times", 1, COUNT_MAX, reading="A41"),
    Key(_S, "TransactionMessageRetryInterval", _RW, _INTEGER, "10", "s", 0, YEAR_S, reading="A1"),
    Key(_S, "UnlockConnectorOnEVSideDisconnect", _RW, _BOOLEAN, "false", rule=only_false, reading="A1 A7"),
    Key(_S, "WebSocketPingInterval", _RW, _INTEGER, "20", "s", 0, YEAR_S, reading="A1"),
    Key(_S, "LocalAuthListEnabled", _RW, _BOOLEAN, "false", reading="A1"),
    Key(_S, "LocalAuthListMaxLength", _RO, _INTEGER, "100000", "idTags", 0, 100_000, reading="A43"),
    Key(_S, "SendLocalListMaxLength", _RO, _INTEGER, "400", "idTags", 0, 400, reading="A1 A43"),
    Key(_S, "ReserveConnectorZeroSupported", _RO, _BOOLEAN, "true", reading="A1"),
    Key(_S, "ChargeProfileMaxStackLevel", _RO, _INTEGER, "20", None, 0, 20, reading="A1"),
    Key(_S, "ChargingScheduleMaxPeriods", _RO, _INTEGER, "50", "periods", 1, 50, reading="A1"),
    Key(_S, "ConnectorSwitch3to1PhaseSupported", _RO, _BOOLEAN, "false", reading="A1"),
    Key(_S, "MaxChargingProfilesInstalled", _RO, _INTEGER, "40", "profiles", 0, 40, reading="A1"),
    Key(_S, "ChargingScheduleAllowedChargingRateUnit", _RO, _LIST, "Current,Power",
        choices=("Current", "Power"), reading="A1 A23"),
    Key(_S, "StopTxnAlignedData", _RW, _LIST, "", choices=MEASURANDS,
        max_items=1, max_items_key="StopTxnAlignedDataMaxLength", reading="A22"),
    Key(_S, "StopTxnSampledData", _RW, _LIST, "", choices=MEASURANDS,
        max_items=2, max_items_key="StopTxnSampledDataMaxLength", reading="A1 A22"),
    Key(_S, "AuthorizationKey", _W, _STRING, None, max_length=40, rule=password_hex, since=SECURITY_EXTENSION,
        visibility=Visibility.NEVER_READ, effect=Effect.RECONNECT, reading="A4 A40"),
    # Over OCPP it may only rise; the station, which knows the present value, sees to that.
    Key(_S, "SecurityProfile", _RW, _INTEGER, "0", None, 0, 3, default_when_provisioned="1",
        since=SECURITY_EXTENSION, effect=Effect.RECONNECT, reading="A5 A10 A40"),
    Key(_S, "CertificateSignedMaxChain", _RO, _INTEGER, "1000", None, 0, 1000, since=SECURITY_EXTENSION, reading="A3"),
    Key(_S, "CertificateStoreMaxLength", _RO, _INTEGER, "10", "certificates", 0, 1000,
        default_with_plug_and_charge="1000", since=SECURITY_EXTENSION, reading="A5"),
    Key(_S, "ISO15118PnCEnabled", _RW, _BOOLEAN, "false", authentication_mode=True, since=_SINCE, effect=_NEXT,
        reading="A31 A34 A40"),
)

_NON_STANDARD: tuple[Key, ...] = (
    # Reads as the opposite of FreeCharging; the station maps it.
    Key(_V, "AuthenticationOCPPMode", _RW, _BOOLEAN, "true", effect=_NEXT, reading="A30"),
    Key(_V, "DefaultIdTag", _RW, _STRING, "SIMTAG", max_length=20, rule=id_tag, reading="A1 A32"),
    Key(_V, "SupervisionUrl", _RW, _STRING, None, max_length=255, rule=websocket_url, effect=Effect.AT_REBOOT,
        reading="A1 A40"),
    Key(_V, "BoxIdentifier", _RW, _STRING, "", max_length=50, rule=identity, effect=Effect.AT_REBOOT, reading="A1 A40"),
    Key(_V, "ChargeLimitedPower", _RO, _INTEGER, None, "kW", 1, STATION_MAX_KW,
        default_from_model=lambda model: str(model.power_kw)),
    Key(_V, "ConnectorALimitedPower", _RO, _INTEGER, None, "kW", 1, STATION_MAX_KW,
        default_from_model=lambda model: str(model.connector_limited_kw[0]), reading="A1 A44"),
    Key(_V, "ConnectorBLimitedPower", _RO, _INTEGER, None, "kW", 1, STATION_MAX_KW,
        default_from_model=lambda model: str(model.connector_limited_kw[1]), reading="A1 A44"),
    Key(_V, "ConnectorAType", _RO, _STRING, None, choices=_OUTPUTS,
        default_from_model=lambda model: model.outputs[0].value, reading="A15 A44"),
    Key(_V, "ConnectorBType", _RO, _STRING, None, choices=_OUTPUTS,
        default_from_model=lambda model: model.outputs[1].value, reading="A1 A15 A44"),
    Key(_V, "disconnectedMeterValueSampleInterval", _RW, _INTEGER, "900", "s", 0, 3600, rule=nought_or_from_5,
        reading="A20"),
    Key(_V, "SecurityEventsEnabled", _RW, _BOOLEAN, "true", since=SECURITY_EXTENSION),
    Key(_V, "EnableMeterValuesContainVoltage", _RW, _BOOLEAN, "false", reading="A18"),
    Key(_V, "EnableRemoteStartNoConnectedEV", _RW, _BOOLEAN, "true", reading="A28"),
    # It serves AutoCharge alone, so it is taken to have come with it.
    Key(_V, "MacAddressPrefix", _RW, _STRING, "", max_length=8, rule=printable_ascii, since=_SINCE),
    Key(_V, "QRcode1", _RW, _STRING, "", max_length=120, rule=printable, since=_SINCE, reading="A44"),
    Key(_V, "QRcode2", _RW, _STRING, "", max_length=120, rule=printable, since=_SINCE, reading="A44"),
    Key(_V, "QrCodeEnabled", _RW, _BOOLEAN, "true", authentication_mode=True, since=_SINCE, effect=_NEXT,
        reading="A3 A29"),
    Key(_V, "RFIDEnabled", _RW, _BOOLEAN, "true", authentication_mode=True, since=_SINCE, effect=_NEXT),
    Key(_V, "PosEnabled", _RW, _BOOLEAN, "false", authentication_mode=True, since=_SINCE, effect=_NEXT,
        reading="A3 A29"),
    Key(_V, "AppEnabled", _RW, _BOOLEAN, "true", authentication_mode=True, since=_SINCE, effect=_NEXT,
        aliases=("APPEEnabled",), reading="A3 A29"),
    Key(_V, "AutoCharge", _RW, _BOOLEAN, "false", authentication_mode=True, since=_SINCE, effect=_NEXT,
        reading="A3 A34"),
    Key(_V, "FreeCharging", _RW, _BOOLEAN, "false", since=_SINCE, effect=_NEXT, reading="A30 A31"),
    Key(_V, "CallMsgInOrder", _RW, _BOOLEAN, "true", reading="A21"),
    Key(_V, "OfflineTxMsgQueueEnable", _RW, _BOOLEAN, "true", reading="A21"),
)

_PLUG_AND_CHARGE: tuple[Key, ...] = (
    Key(_P, "CentralContractValidationAllowed", _RW, _BOOLEAN, "false", visibility=_HIDDEN, since=_SINCE, effect=_NEXT,
        reading="A6"),
    Key(_P, "CertificateSignedMaxChainSize", _RO, _INTEGER, "10000", "characters", 0, 10_000, visibility=_HIDDEN,
        since=_SINCE, reading="A3 A6"),
    Key(_P, "CertSigningWaitMinimum", _RW, _INTEGER, "0", "s", 0, YEAR_S, visibility=_HIDDEN, since=_SINCE,
        reading="A6"),
    Key(_P, "CertSigningRepeatTimes", _RW, _INTEGER, "0", "times", 0, COUNT_MAX, visibility=_HIDDEN, since=_SINCE,
        reading="A6"),
    # CertificateStoreMaxLength and SecurityProfile stand in the first table too, and with it here.
    Key(_P, "ContractValidationOffline", _RW, _BOOLEAN, "false", visibility=_HIDDEN, since=_SINCE, effect=_NEXT,
        reading="A6"),
    Key(_P, "SeccLeafSubjectCommonName", _RW, _STRING, "", max_length=SUBJECT_MAX_LENGTH, rule=printable,
        visibility=_HIDDEN, since=_SINCE, reading="A6"),
    Key(_P, "SeccLeafSubjectCountry", _RW, _STRING, "", max_length=2, rule=country, visibility=_HIDDEN, since=_SINCE,
        reading="A6"),
    Key(_P, "SeccLeafSubjectOrganization", _RW, _STRING, "", max_length=SUBJECT_MAX_LENGTH, rule=printable,
        visibility=_HIDDEN, since=_SINCE, reading="A6"),
    Key(_P, "ConnectorEvseIds", _RW, _LIST, "", max_items=2, max_items_key="NumberOfConnectors", rule=evse_ids,
        visibility=_HIDDEN, since=_SINCE, aliases=("ConnectorEvselds",), reading="A3 A6"),
    Key(_P, "CpoName", _RW, _STRING, "", max_length=SUBJECT_MAX_LENGTH, rule=printable, visibility=_HIDDEN,
        since=_SINCE, reading="A6"),
    Key(_P, "AdditionalRootCertificateCheck", _RW, _BOOLEAN, "false", visibility=_HIDDEN, since=_SINCE, reading="A6"),
)
# fmt: on

KEYS: tuple[Key, ...] = (*_STANDARD, *_NON_STANDARD, *_PLUG_AND_CHARGE)
"""All 80 keys in the guide's order."""

FILE_TRANSFER_PROTOCOLS = Key(
    _S, "SupportedFileTransferProtocols", _RO, _LIST, "FTP,HTTP,HTTPS", choices=("FTP", "HTTP", "HTTPS"), reading="A12"
)
"""A key of the white paper that the guide does not have; an option of a station adds it."""
