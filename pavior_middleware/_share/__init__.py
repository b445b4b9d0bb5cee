"""shareAuth: the primary authentication domain lends its login to whitelisted sites.

Everything is stateless: any worker on any machine of the site can answer any request.
"""

from .answer import Answer
from .request import FIELDS, Question, Request
from .share_auth import LONGEST_CONTENT
from .sharing import Needed, Sharing

__all__ = ["FIELDS", "LONGEST_CONTENT", "Answer", "Needed", "Question", "Request", "Sharing"]
