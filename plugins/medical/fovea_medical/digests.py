"""Patients and studies told apart without being named.

A plain hash of a patient's number is undone by hashing all numbers; a keyed one (HMAC, RFC 2104) is not, as long as
the key is kept apart from the database. The same key gives the same digests, so that one patient stays one group.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from fovea_medical.settings import MedicalView

LEAST = 16
"""Fewest characters of a key."""


def read_key(view: MedicalView) -> bytes:
    """The key that ``view.key`` refers to, or the one kept in the user's state folder; made there on first use.

    Raises:
        ValueError: where a key is too short, or none is set and none can be kept.
    """
    name = view.key.removeprefix("env:")
    text = os.environ.get(name, "")
    if not text:
        try:
            text = _kept(_state_folder() / "medical.key")
        except OSError as error:
            raise ValueError(
                f"set {name} to a secret of {LEAST} characters or more, since none can be kept in {_state_folder()}: "
                f"{error.strerror}"
            ) from error
    if len(text) < LEAST:
        raise ValueError(f"the secret in {name} has fewer than {LEAST} characters: set a longer one")
    return text.encode()


def _state_folder() -> Path:
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "fovea"


def _kept(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
        try:
            os.link(fresh, path)  # of two processes that make one at once, the first wins
        except FileExistsError:
            pass
        finally:
            os.unlink(fresh)
    return path.read_text(encoding="ascii").strip()


def digest(key: bytes, kind: str, *parts: str) -> str:
    """``KIND-`` and 20 hex digits; equal for equal parts under one key, and telling nothing without it."""
    message = "\0".join((kind, *parts)).encode("utf-8", "surrogateescape")
    return f"{kind}-{hmac.new(key, message, hashlib.sha256).hexdigest()[:20]}"
