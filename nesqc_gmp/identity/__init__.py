"""Who may do what, and with which key: persons, roles, passphrases, certificates, time stamps."""
