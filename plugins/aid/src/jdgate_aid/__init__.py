"""jdgate for help with living, work and housing: with consent, without reasons or amounts."""
