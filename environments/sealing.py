"""Seals texts that nobody may read in the database.

The keys are made of ENVPORTAL_SECRETS_KEY and of SECRET_KEY behind it. The first one seals, any of them opens: so a new
key is put in front, and the old one goes when `manage.py resealsecrets` has run.
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """It was sealed with a key that is not here."""


def seal(text):
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed):
    """Return the text. Raise Unreadable."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


def _keys():
    return MultiFernet([_key(text) for text in (*settings.SECRETS_KEYS, settings.SECRET_KEY)])


def _key(text):
    derived = HKDF(SHA256(), length=32, salt=None, info=b"envportal workspace secrets").derive(text.encode())
    return Fernet(urlsafe_b64encode(derived))
