"""What redis-py asks of a server that speaks to Redis tools."""

from __future__ import annotations

import pytest
import redis

SECONDS = 60  # for one command; far above what any needs


def ask_as_redis_py(port: int, protocol: int) -> None:
    """In RESP2 or 3, at 127.0.0.1."""
    with redis.Redis(port=port, protocol=protocol, socket_timeout=SECONDS) as store:
        assert store.set("py", b"\r\n\0\xff") is True
        assert store.get("py") == b"\r\n\0\xff"
        pipeline = store.pipeline(transaction=False)
        for number in range(1000):
            pipeline.set(f"py:{number}", number)
        pipeline.get("py:7")
        assert pipeline.execute() == [True] * 1000 + [b"7"]
        assert store.delete("py", "py:1", "none") == 2
        assert store.get("py") is None
        with pytest.raises(redis.ResponseError):
            store.execute_command("NONSENSE")
        assert store.ping() is True
