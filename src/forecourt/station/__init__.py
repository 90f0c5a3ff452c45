"""The brain of a charging station: events in, effects out."""
