"""Whether a request's cookies may hold the session of somebody else, put there by another host.

Any host of a domain may set a cookie for the whole domain, and for a single path (RFC 6265 sections
8.6 and 4.1.2.4). A session that is set for our path alone has an effect only on our answers. They
would name the user that another host has chosen, while the site's pages show its own user.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._http.session_cookies import are_doubled
from .._model.visitor import Visitor
from .tokens import Loan

WARNING = (
    "Pavior's login names nobody: in a request below /.well-known/pavior/ the session may be one"
    " that another host of this domain has set. There were two cookies of the session's name, or"
    " shareAuth's own cookie names another user than the app does. If somebody has just logged in,"
    " the next page of the site corrects this. Give the session cookie a name that begins with"
    " __Host- (in Flask: SESSION_COOKIE_NAME), which no other host can set. If the cookies in"
    " question are not the session's, name that in session_cookie (PAVIOR_SESSION_COOKIE)"
)


def believed(
    visitor: Visitor,
    loan: Loan | None,
    cookies: Sequence[str],
    session_cookies: Sequence[str],
) -> Visitor:
    """Return the app's visitor, or nobody, marked as doubtful.

    `loan` is what the login cookie says. Only this host can have set that cookie. So if there is
    one, the number of session cookies does not count. `cookies` are the request's `Cookie` fields,
    and `session_cookies` are the names of the cookies by which the app knows its users.
    """
    if visitor.user is None:
        return visitor
    if loan is not None:
        is_doubtful = loan.identity.identifier != visitor.user.identifier
    else:
        is_doubtful = are_doubled(cookies, session_cookies)
    return visitor._replace(identity=None, is_doubtful=True) if is_doubtful else visitor
