"""Who may: identities, their roles, and the certificates that prove them. Deny by default."""
