"""The simulated electricity: guns, meters and the cars that plug in."""
