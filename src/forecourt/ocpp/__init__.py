"""The language: OCPP 1.6-J frames, messages, errors and the table of actions."""
