"""Forecourt: the Schneider EVlink Pro DC charging station in software, and the supervision that operates it."""

__version__ = "0.1.0"
