"""A background response, and a receiver that is told when it has ended.

The gateway must be allowed to call addresses of this machine: see gateway.toml beside this file.
"""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue

from openai import InvalidWebhookSignatureError, OpenAI

client = OpenAI()
events: Queue = Queue()


class Receiver(BaseHTTPRequestHandler):
    """Takes events, and believes those that the gateway has signed."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = client.webhooks.unwrap(body, dict(self.headers), secret=endpoint.signing_secret)
        except InvalidWebhookSignatureError:
            self.send_response(400)
        else:
            self.send_response(204)  # at once; the work is done elsewhere
            events.put(event)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing of each request."""


server = HTTPServer(("127.0.0.1", 0), Receiver)
endpoint = client.webhooks.create(
    name="example",
    url=f"http://127.0.0.1:{server.server_port}/",
    event_types=["response.completed", "response.failed"],
)
threading.Thread(target=server.serve_forever, daemon=True).start()

response = client.responses.create(model="best", input="Hello, world!", background=True)
print(response.status)
event = events.get(timeout=60)  # an event may come twice: its id says which it is
print(event.type, event.data.id == response.id)
print(client.responses.retrieve(event.data.id).output_text)
client.webhooks.delete(endpoint.id)
