"""jdgate at a methadone clinic: its files, its absence rules, its own register."""
