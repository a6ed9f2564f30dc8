"""Stands for whoever is on call: prints what Alertmanager sends to its webhook."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class OnCall(BaseHTTPRequestHandler):
    """Prints one line for each alert."""

    def do_POST(self) -> None:
        """Take a message of Alertmanager."""
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in message["alerts"]:
            print(f"{alert['status']}: {alert['annotations']['summary']}", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Leave out the server's own line for each request."""


if __name__ == "__main__":
    HTTPServer(("localhost", int(sys.argv[1])), OnCall).serve_forever()
