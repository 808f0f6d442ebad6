"""jdgate at a township office: community orders, their deadlines and counts, visits."""
