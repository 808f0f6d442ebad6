"""jdgate at the county police: their registry as a SQL database, read and written in place."""
