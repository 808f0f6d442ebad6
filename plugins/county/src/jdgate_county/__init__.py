"""jdgate for what a county's units report of themselves: about units, never about persons."""
