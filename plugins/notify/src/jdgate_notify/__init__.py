"""Mail and signed webhooks that say that an alert waits, never about whom."""
