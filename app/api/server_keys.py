"""Names shared by the app and the server that it runs in (app.serving)."""

from __future__ import annotations

#: In the environ: the server's push for streams (app.api.http.sse.Push), if it has one.
PUSH = "responses_gateway.push"
#: In the environ of a WebSocket handshake: accepts it (app.api.turns.server.WebSocketUpgrade).
UPGRADE = "responses_gateway.upgrade"
#: In the environ of a request that came over a WebSocket: its turn (app.api.turns.turn).
TURN = "responses_gateway.turn"
#: In the app's extensions: its OpenAnswers, which the server closes when it stops.
OPEN_ANSWERS = "responses_gateway.open_answers"
