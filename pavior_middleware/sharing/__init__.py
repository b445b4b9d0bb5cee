"""shareAuth: the primary authentication domain lends its login to whitelisted sites."""

from .endpoint import SHARE_AUTH_PATH, Answer, ShareAuth

__all__ = ["SHARE_AUTH_PATH", "Answer", "ShareAuth"]
