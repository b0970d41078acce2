"""A page by HTTP: the smallest server that a browser is content with.

python3 hello_http.py            then open http://127.0.0.1:8000/
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = ("127.0.0.1", 8000)
PAGE = b"<!doctype html><title>Hello</title><p>Hello, World!\n"


class Hello(BaseHTTPRequestHandler):
    """Answers each GET and HEAD with the same page."""

    protocol_version = "HTTP/1.1"  # so that the connection stays open

    def do_GET(self) -> None:
        self.send_page()
        self.wfile.write(PAGE)

    def do_HEAD(self) -> None:
        self.send_page()

    def send_page(self) -> None:
        """Status line and headers, which tell where the body ends."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()


if __name__ == "__main__":
    ThreadingHTTPServer(ADDRESS, Hello).serve_forever()
