"""jdgate: a gateway that carries signed, schema-checked messages between a county's departments."""

__version__ = "0.1.0"
