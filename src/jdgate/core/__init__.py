"""Pure rules: no I/O, no clock, no randomness. Time, ids and salts come in as arguments."""
