"""The demo county: synthetic people who can belong to nobody."""
