"""Who may do what: roles and rights, key envelopes, the site's certificate authority, sessions, time stamps."""
