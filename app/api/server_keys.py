"""What the app and the server that it runs in (app.serving) agree on by name."""

from __future__ import annotations

#: In the environ: how to push a piece of a stream (app.api.http.sse.Push), where the server can.
PUSH = "responses_gateway.push"
#: In the environ of a request for a WebSocket: how to take it over (app.api.turns.server).
UPGRADE = "responses_gateway.upgrade"
#: In the environ of a response that is made on a WebSocket: its place there (app.api.turns.turn).
TURN = "responses_gateway.turn"
#: Among the app's extensions: its open answers, for the server to end when it stops.
OPEN_ANSWERS = "responses_gateway.open_answers"
