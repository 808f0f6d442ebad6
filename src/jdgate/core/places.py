"""The places in a person's care team. Alone in this module, which loads nothing: the command line
offers them as choices.
"""

PLACES = {"officer": "PS", "community_worker": "COM", "social_worker": "SOC"}
"""Place → the role of the member that has it."""
