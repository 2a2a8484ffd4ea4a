"""Signatures (Ed25519) of what centres exchange: a file that was changed, or is another's, is noticed."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gravida.errors import ConfigurationError


def new_keys() -> tuple[str, str]:
    """Return a new private key, which stays where it was made, and the public key that goes with it."""
    private = Ed25519PrivateKey.generate()
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return secret.decode(), public.decode()


def signed(document: Mapping[str, Any], private: str) -> dict[str, Any]:
    """Return a document with its signature.

    Raises
    ------
    ConfigurationError
        If the private key is none.
    """
    key = _loaded(private, load_pem_private_key, Ed25519PrivateKey, password=None)
    return {**document, "signature": base64.b64encode(key.sign(_text(document))).decode()}


def is_signed(document: Mapping[str, Any], public: str) -> bool:
    """Say whether a document is as the holder of a key signed it.

    Raises
    ------
    ConfigurationError
        If the public key is none.
    """
    key = _loaded(public, load_pem_public_key, Ed25519PublicKey)
    said = {name: value for name, value in document.items() if name != "signature"}
    try:
        key.verify(base64.b64decode(str(document.get("signature", "")), validate=True), _text(said))
    except (InvalidSignature, ValueError):
        return False
    return True


def _text(document: Mapping[str, Any]) -> bytes:
    """Return the text that is signed: the same however the file is laid out."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _loaded(text: str, load: Any, kind: type, **more: object) -> Any:
    try:
        key = load(text.encode(), **more)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, kind):
        raise ConfigurationError("a key is not an Ed25519 key in PEM form; exchange-keys makes new ones")
    return key
