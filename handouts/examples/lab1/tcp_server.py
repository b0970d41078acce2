"""The TCP server of many tutorials, set right: it serves client after client.

python3 tcp_server.py            it listens on 127.0.0.1:12345
"""

import socket

ADDRESS = ("127.0.0.1", 12345)
PATIENCE_S = 30.0


def serve(client: socket.socket) -> None:
    """Sends back every byte, until the client has sent its last."""
    while chunk := client.recv(1024):  # b"" is the end of input, and nothing else is
        client.sendall(chunk)  # send() may take only a part, and says how much


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(ADDRESS)
        listener.listen()
        while True:
            client, peer = listener.accept()
            with client:
                client.settimeout(PATIENCE_S)  # silence shall not stop the others
                try:
                    serve(client)
                except OSError as error:  # a reset, or the timeout: its trouble alone
                    print(f"{peer[0]}:{peer[1]}: {error}")


if __name__ == "__main__":
    main()
