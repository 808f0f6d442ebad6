"""jdgate for tip-offs: sealed to the police, asked about and rewarded by a token alone."""
