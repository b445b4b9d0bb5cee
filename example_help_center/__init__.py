"""A help center: static pages on a domain of their own that borrow the shop's login."""
