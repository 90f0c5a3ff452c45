"""Real processes over a bad network, killed at random moments; what the ledger holds at the end must be what flowed."""
