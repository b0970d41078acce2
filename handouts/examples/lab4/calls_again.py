"""Calls over a network that loses messages: never repeated, repeated, and repeated with an id.

python3 calls_again.py         a thousand calls of "add one"; a tenth of all messages is lost
"""

import random

CALLS, LOSS = 1000, 0.1


class Server:
    """Adds one, for whoever asks. With ids it keeps the replies that it gave."""

    def __init__(self) -> None:
        self.executed = 0
        self.replies: dict[int, int] = {}

    def add_one(self) -> int:
        self.executed += 1
        return self.executed

    # [once]
    def add_one_once(self, request_id: int) -> int:
        if request_id not in self.replies:
            self.replies[request_id] = self.add_one()
        return self.replies[request_id]

    # [once-end]


def call(network: random.Random, server: Server, request_id: int, with_id: bool) -> bool:
    """Sends one request; true if a reply came back."""
    if network.random() < LOSS:
        return False  # the request was lost: nothing happened
    if with_id:
        server.add_one_once(request_id)
    else:
        server.add_one()
    return network.random() >= LOSS  # the reply is lost: the client can't tell


def run(tries: int, with_id: bool) -> tuple[int, int]:
    network, server, answered = random.Random(4), Server(), 0
    for request_id in range(CALLS):
        answered += any(call(network, server, request_id, with_id) for _ in range(tries))
    return answered, server.executed


def main() -> None:
    print(f"{CALLS} calls              answered  executed")
    for name, tries, with_id in (
        ("one try", 1, False),
        ("up to ten tries", 10, False),
        ("up to ten tries, ids", 10, True),
    ):
        answered, executed = run(tries, with_id)
        print(f"{name:23} {answered:5} {executed:9}")


if __name__ == "__main__":
    main()
