"""Prints one value out of a JSON object: `jdgate token add … --json | python pick.py token`."""

import json
import sys

print(json.load(sys.stdin)[sys.argv[1]])
