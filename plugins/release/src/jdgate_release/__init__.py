"""Releases from treatment centres: rules, files and texts as a jdgate plugin."""
