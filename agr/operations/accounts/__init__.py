"""Who may do what: accounts with roles, log-ins, API tokens, one-time set-up links."""
