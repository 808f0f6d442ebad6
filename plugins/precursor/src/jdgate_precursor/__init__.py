"""jdgate for the supervision of precursor chemicals: its rules and files."""
