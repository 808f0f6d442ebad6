"""What pages show, worked out from what they were told: places, fields, words. Pure."""
