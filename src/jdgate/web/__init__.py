"""The desk in a browser, and the HTTP API: what people and departments' systems work with.

It stands beside the command line and calls the same handlers (`jdgate.commands`). Nothing here is
imported unless `[web] enabled` is set.
"""
