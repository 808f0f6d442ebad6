"""jdgate between courier companies and the postal bureau: its statistics, files and rules."""
