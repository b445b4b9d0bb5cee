"""The shop's customers, in place of a database."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask_login import LoginManager, UserMixin
from werkzeug.security import check_password_hash, generate_password_hash

login_manager = LoginManager()
login_manager.login_view = "pages.login"
login_manager.login_message = None


@dataclass(frozen=True)
class Customer(UserMixin):  # type: ignore[misc]  # Flask-Login comes without types
    """A customer is known by a confirmed email address alone, so there is no `id`."""

    email: str
    first_name: str
    password_hash: str = field(repr=False)
    email_confirmed: bool = True

    def get_id(self) -> str:
        """Return what Flask-Login keeps in the session."""
        return self.email


CUSTOMERS = {
    customer.email: customer
    for customer in (
        Customer("user@example.com", "", generate_password_hash("password")),
        Customer("ada@example.com", "Ada", generate_password_hash("engine")),
    )
}


@login_manager.user_loader  # type: ignore[untyped-decorator]
def find(email: str) -> Customer | None:
    """Return the customer whom the session names."""
    return CUSTOMERS.get(email)


def authenticate(email: str, password: str) -> Customer | None:
    """Return the customer with this email, if the password is right."""
    customer = CUSTOMERS.get(email.strip().lower())
    if customer and check_password_hash(customer.password_hash, password):
        return customer
    return None
