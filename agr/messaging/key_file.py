"""The signing key in force, from the file that the settings name."""

from agr.domain.errors import SettingsError
from agr.settings import Settings
from agr.uftp.signing import KeyPair


def passphrase_of(settings: Settings) -> bytes | None:
    """Return the passphrase of the key file, if there is one. Raises SettingsError."""
    path = settings.key_passphrase_file
    if path is None:
        return None
    try:
        return path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise SettingsError(f"key_passphrase_file {path} cannot be read: {error.strerror}") from error


def load_key(settings: Settings) -> KeyPair:
    """Return the key in force. Raises SettingsError."""
    return KeyPair.load(settings.key_file, passphrase_of(settings))
