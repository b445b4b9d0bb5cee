"""Makes the documentation's site: MkDocs' hooks, generated pages, and pictures."""
