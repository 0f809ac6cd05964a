"""The tables; importing this package fills `Base.metadata`."""

from gallery.tables.accounts import Role, SignedIn, Token, Tries, User
from gallery.tables.audit import AuditLine
from gallery.tables.base import Base, Json

__all__ = ["AuditLine", "Base", "Json", "Role", "SignedIn", "Token", "Tries", "User"]
