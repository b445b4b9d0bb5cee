"""The shop's customers, in place of a database, and how a session names one of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.authentication import AuthCredentials, AuthenticationBackend, BaseUser
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from werkzeug.security import check_password_hash, generate_password_hash


@dataclass(frozen=True)
class Customer(BaseUser):
    """A customer is known by a confirmed email address alone, so there is no `id`."""

    email: str
    first_name: str
    password_hash: str = field(repr=False)
    email_confirmed: bool = True

    @property
    def is_authenticated(self) -> bool:
        """Whether somebody is logged in: always so for a customer."""
        return True

    @property
    def display_name(self) -> str:
        """The name to greet the customer by."""
        return self.first_name or self.email


CUSTOMERS = {
    customer.email: customer
    for customer in (
        Customer("user@example.com", "", generate_password_hash("password")),
        Customer("ada@example.com", "Ada", generate_password_hash("engine")),
    )
}


class SessionBackend(AuthenticationBackend):
    """Tells Starlette which customer the session names; afterwards it is `request.user`."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser] | None:
        """Return the customer, or None if nobody is logged in."""
        customer = CUSTOMERS.get(conn.session.get("email", ""))
        if customer is None:
            return None
        return AuthCredentials(["authenticated"]), customer


async def check(email: str, password: str) -> Customer | None:
    """Return the customer with this email, if the password is right."""
    customer = CUSTOMERS.get(email.strip().lower())
    if customer is None:
        return None
    # Hashing is slow by design, so it must not hold up the event loop.
    right = await run_in_threadpool(check_password_hash, customer.password_hash, password)
    return customer if right else None
