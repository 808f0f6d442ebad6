"""The pages of the console, each module one subject: what it shows and what may be done there.

A module's `pages(site)` gives its routes. Nothing is decided here: pages call the handlers of
`jdgate.commands`, note looks before they show, and leave to `jdgate.web.shaping` what can be worked
out without asking anybody.
"""
