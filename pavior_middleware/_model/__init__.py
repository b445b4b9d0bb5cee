"""Values and their rules: settings, identities, domains. Nothing here knows HTTP."""
