"""AgrError → HTTP status. Pure."""

from agr.domain.errors import AccessError, AgrError, ConflictError, InputError, MissingError, StoreError


def status_of(error: AgrError) -> int:
    """Return the HTTP status of an AgrError."""
    if isinstance(error, AccessError):
        return error.status
    kinds = ((ConflictError, 409), (MissingError, 404), (InputError, 422), (StoreError, 503))
    return next((status for kind, status in kinds if isinstance(error, kind)), 400)
