"""The tables; importing this package fills `Base.metadata`."""

from gallery.tables.accounts import Passkey, Role, SignedIn, Token, Tries, User
from gallery.tables.audit import AuditLine
from gallery.tables.base import Base, Json
from gallery.tables.generations import ENDED, Event, Generation, Refused
from gallery.tables.money import Dispute, Entry, Payment, Refund, Told
from gallery.tables.people import Person, Receipt, Revocation, Right, Version
from gallery.tables.pictures import Blocked, Picture, picture_file
from gallery.tables.sharing import Album, AlbumPicture, Share, Takedown

__all__ = [
    "ENDED", "Album", "AlbumPicture", "AuditLine", "Base", "Blocked", "Dispute", "Entry", "Event", "Generation",
    "Json",
    "Passkey", "Payment", "Person", "Picture", "Receipt", "Refund", "Refused", "Revocation", "Right", "Role", "Share", "SignedIn",
    "Takedown", "Token", "Told", "Tries", "User", "Version", "picture_file",
]  # fmt: skip
