# pyright: reportUnknownMemberType=false
"""Passkeys: a browser proves that it holds a key of the user's; the key itself never leaves it.

Each challenge is a one-time token. One that a key is added with goes with the user, one that somebody signs in with goes with
the browser's cookie. The browser is asked for the person, too (user verification), so that a passkey stands for the password.
"""

import base64
import json
import uuid
from typing import Any, cast
from urllib.parse import urlsplit

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gallery.accounts.sessions import begin_session, keep_user
from gallery.accounts.tokens import digest, new_token, use_token
from gallery.accounts.tries import SIGN_IN_PLACE, TOKEN_PLACE, count_try
from gallery.audit import note
from gallery.context import Gallery
from gallery.errors import RequestError, invalid, not_there
from gallery.tables import Passkey, User

SITE = "likeness gallery"
ADD, COME_IN = "passkey-add", "passkey-in"
MOST = 20
"""Passkeys of one user."""
Options = dict[str, Any]


def begin_adding(gallery: Gallery, user: User, password: str) -> Options:
    """What the browser needs to make a key; the password is asked for: a passkey outlives a stolen session.

    Raises:
        RequestError: 404 where the address is none for passkeys; 401; 429.
    """
    name = _site(gallery)[0]
    count_try(gallery, TOKEN_PLACE, str(user.id))
    if not gallery.passwords.is_right(user.password, password):
        raise RequestError(401, "password", "This is not your password.", remedy="Try again.")
    with gallery.transaction() as db:
        known = list(db.scalars(select(Passkey.credential).where(Passkey.user_id == user.id)))
        if len(known) >= MOST:
            raise invalid(f"There are {MOST} passkeys already.", "Remove one first.")
        challenge = new_token(db, ADD, user.email, gallery.clock())
    made = generate_registration_options(
        rp_id=name,
        rp_name=SITE,
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.name,
        challenge=challenge.encode(),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return json.loads(options_to_json(made))


def add(gallery: Gallery, user: User, name: str, credential: Options) -> Passkey:
    """Keep the key that the browser made.

    Raises:
        RequestError: 422: the challenge is not the user's, or was used; the answer is not whole; the key is known. 401: the user
            has a new password meanwhile.
    """
    site, origin = _site(gallery)
    challenge = _challenge(credential)
    with gallery.transaction() as db:
        asked = use_token(db, ADD, challenge, gallery.clock())
    if asked.email != user.email:
        raise _broken()
    try:
        seen = verify_registration_response(
            credential=credential,
            expected_challenge=challenge.encode(),
            expected_rp_id=site,
            expected_origin=origin,
            require_user_verification=True,
        )
    except (WebAuthnException, KeyError, TypeError, ValueError) as error:
        raise _broken() from error
    made = Passkey(
        user_id=user.id,
        credential=seen.credential_id,
        public_key=seen.credential_public_key,
        uses=seen.sign_count,
        name=name,
        created=gallery.clock(),
    )
    try:
        with gallery.transaction() as db:
            keep_user(db, user)
            db.add(made)
            note(db, gallery.clock(), user.email, "passkey-added", name=name)
    except IntegrityError as error:
        raise invalid("This passkey is known already.") from error
    return made


def begin_sign_in(gallery: Gallery, cookie: str, place: str) -> Options:
    """What the browser needs to prove that it holds a key; nobody says whose.

    Raises:
        RequestError: 404; 429.
    """
    name = _site(gallery)[0]
    count_try(gallery, SIGN_IN_PLACE, place)
    with gallery.transaction() as db:
        challenge = new_token(db, COME_IN, digest(cookie), gallery.clock())
    made = generate_authentication_options(
        rp_id=name, challenge=challenge.encode(), user_verification=UserVerificationRequirement.REQUIRED
    )
    return json.loads(options_to_json(made))


def sign_in(gallery: Gallery, cookie: str, place: str, agent: str, credential: Options) -> tuple[User, str]:
    """The user whose key signed; gives the new cookie.

    Raises:
        RequestError: 401 in the same words for an unknown key, a wrong signature, a copied key and a blocked user; 422; 429.
    """
    site, origin = _site(gallery)
    count_try(gallery, SIGN_IN_PLACE, place)
    challenge = _challenge(credential)
    with gallery.transaction() as db:
        asked = use_token(db, COME_IN, challenge, gallery.clock())
    if asked.email != digest(cookie):
        raise _wrong()
    with gallery.transaction() as db:
        named = Passkey.credential == _identity(credential)
        # the user before the key, as a new password has them
        user = db.scalar(select(User).join(Passkey).where(named).with_for_update(read=True, of=User))
        key = db.scalar(select(Passkey).where(named).with_for_update())
        if key is None or user is None or user.blocked:
            raise _wrong()
        try:
            seen = verify_authentication_response(
                credential=credential,
                expected_challenge=challenge.encode(),
                expected_rp_id=site,
                expected_origin=origin,
                credential_public_key=key.public_key,
                credential_current_sign_count=key.uses,
                require_user_verification=True,
            )
        except (WebAuthnException, KeyError, TypeError, ValueError) as error:
            raise _wrong() from error
        key.uses, key.used = seen.new_sign_count, gallery.clock()
        return user, begin_session(db, gallery, user, agent)


def remove(gallery: Gallery, user: User, passkey_id: uuid.UUID) -> None:
    """Take a key of the user's away at once.

    Raises:
        RequestError: 404.
    """
    own = delete(Passkey).where(Passkey.id == passkey_id, Passkey.user_id == user.id).returning(Passkey.name)
    with gallery.transaction() as db:
        if (name := db.execute(own).scalar_one_or_none()) is None:
            raise not_there()
        note(db, gallery.clock(), user.email, "passkey-removed", name=name)


def _site(gallery: Gallery) -> tuple[str, str]:
    """The name that keys are made for, and the origin of our pages."""
    if not gallery.settings.passkeys:
        raise not_there()
    address = urlsplit(gallery.settings.public_url)
    return str(address.hostname), f"{address.scheme}://{address.netloc}"


def _challenge(credential: Options) -> str:
    """The token in what the browser signed."""
    try:
        said = cast("dict[str, Any]", json.loads(_bytes(credential["response"]["clientDataJSON"])))
        return _bytes(said["challenge"]).decode()
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _broken() from error


def _identity(credential: Options) -> bytes:
    try:
        return _bytes(credential["rawId"])
    except (KeyError, TypeError, ValueError) as error:
        raise _wrong() from error


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _broken() -> RequestError:
    return RequestError(422, "passkey", "This passkey cannot be read.", remedy="Begin again.")


def _wrong() -> RequestError:
    return RequestError(
        401, "sign-in", "This passkey opens no account here.", remedy="Sign in with your password."
    )
