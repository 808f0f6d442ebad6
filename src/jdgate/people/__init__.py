"""Who may sign in at this machine, and what each of them may do."""
