"""Stations, cabinets, cars and a supervision on one virtual clock and one seed, without sockets."""
