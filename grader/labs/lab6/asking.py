"""A client of a real cluster, who finds its leader by what the nodes say to each other."""

from __future__ import annotations

from grader.histories.clients import NO_REPLY
from grader.labs.lab6.store import Store
from grader.run.client import Client
from grader.verdicts import Diagnosis, Hang, fail
from grader.wire.resp import ProtocolError, Reply, ReplyDecoder, Simple, encode_request

_PAUSE_S = 0.02  # before the leader is asked again


def does(store: Store, requests: list[list[bytes]], when: str) -> list[Reply]:
    """The replies to these requests, from whoever leads. What gets none is asked again, and less at
    once: what was asked before may still wait to be done.
    """
    left, replies, most = list(requests), list[Reply](), len(requests)
    while left:
        leader = store.wait_leader(0, when)[1]
        client = store.nodes[leader].call()
        asked = left[:most]
        client.send(b"".join(map(encode_request, asked)))
        came = _replies(client, len(asked), when)
        client.close()
        store.attempt.clients.remove(client)
        replies += came
        left = left[len(came) :]
        if len(came) < len(asked):
            most = max(1, most // 2)
            store.world.observe(_PAUSE_S, lambda: False)
    return replies


def _replies(client: Client, count: int, when: str) -> list[Reply]:
    """Up to so many, or up to the first redirect, or up to the end of the connection."""
    decoder, found, redirected = ReplyDecoder(), [], False

    def is_enough() -> bool:
        nonlocal redirected
        try:
            came = decoder.feed(client.take(client.received_size()))
        except ProtocolError as fault:
            fail(f"the leader sends bytes that are no reply: {fault}", NO_REPLY)
        for reply in came:
            redirected = redirected or _is_redirect(reply)
            if not redirected:
                found.append(reply)
        return redirected or len(found) >= count or bool(client.ended)

    try:
        client.world.wait(is_enough, f"{count} replies from the leader, {when}")
    except Hang as hang:
        hang.diagnosis = Diagnosis(
            "no-progress", "a majority runs and is connected: what is asked of it gets done"
        )
        raise
    return found


def _is_redirect(reply: Reply) -> bool:
    return isinstance(reply, Simple) and reply.text.startswith((b"MOVED", b"TRYAGAIN"))
