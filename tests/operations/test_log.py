"""What the log shows of an error: where it happened, never the values of local variables."""

import io
from contextlib import redirect_stderr

import pytest
import structlog

from agr.operations import log


@pytest.mark.parametrize("as_json", [False, True])
def test_a_traceback_shows_no_local_values(as_json: bool) -> None:
    text = io.StringIO()
    with redirect_stderr(text):
        log.configure(json=as_json)
        try:
            secret = "-".join(["key", "material"])
            raise ValueError("broken" + secret[:0])
        except ValueError:
            structlog.get_logger().exception("it.broke")
    structlog.reset_defaults()
    assert "ValueError: broken" in text.getvalue()
    assert "key-material" not in text.getvalue()
