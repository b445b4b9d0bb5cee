"""shareAuth: the primary authentication domain lends its login to whitelisted sites."""

from .endpoint import Answer, ShareAuth

__all__ = ["Answer", "ShareAuth"]
