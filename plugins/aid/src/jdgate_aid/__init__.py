"""jdgate for help with living, work and housing: referrals with consent, answers without amounts."""
