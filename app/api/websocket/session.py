"""A caller's WebSocket session: its messages, its responses, and when it must end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from app.api import context
from app.api.http.bodies import parse_message
from app.api.in_flight import Place
from app.api.turns.server import (
    FAULT,
    TOO_BIG,
    TRY_LATER,
    ClientMessage,
    Closure,
    WebSocket,
)
from app.api.turns.sessions import WebSocketSessions
from app.api.turns.turn import SocketTurn
from app.api.websocket.ending import SessionEnding, idle, restart, revoked, too_old
from app.api.websocket.lanes import Lanes
from app.api.websocket.message_room import MessageRoom
from app.api.websocket.posting import Posting
from app.domain.accounts.accounts import Caller
from app.domain.turns.client_event import ClientEvent
from app.errors import (
    GatewayError,
    InvalidRequest,
    RequestTooLarge,
    Unauthenticated,
)
from app.schemas.request.body import parse_json
from app.schemas.request.websocket.client_events import (
    CANCEL,
    CLIENT_EVENT,
    CREATE,
    STEER,
    create_body,
    lane_of,
    steered,
)
from app.schemas.wire.websocket.frames import error_line, steer_failed_line
from app.telemetry import log, unexpected


class Session:
    """One caller's session (implements app.api.turns.server.WebSocketHandler).

    `authenticate` raises Unauthenticated once the caller's key is no longer valid.
    """

    def __init__(
        self,
        sessions: WebSocketSessions,
        services: context.Services,
        posting: Posting,
        authenticate: Callable[[], object],
        caller: Caller,
        request_id: str,
    ) -> None:
        self._sessions, self._services, self._posting = sessions, services, posting
        self._authenticate = authenticate
        self._caller, self._request_id = caller, request_id
        self._memory = sessions.memory.connection()
        self._until = time.monotonic() + sessions.settings.max_age_s
        self._used_at = time.monotonic()
        self._room = MessageRoom(services.in_flight, caller.key_id)
        #: The reason why no further response is started, once there is one.
        self._ending: SessionEnding | None = None
        self._is_over = False
        self._quiet = threading.Event()
        self._responses = self._refused = 0

    def run(self, socket: WebSocket) -> None:
        """Handle messages until the connection ends."""
        self._socket = socket
        self._lanes = Lanes(self._answer, socket.spawn, self._at_rest)
        try:
            while self._hear():
                continue
        except OSError:
            pass  # the caller has gone
        finally:
            self._leave()

    def abandon(self) -> None:
        """Give the session up before it has begun, since its caller has left."""
        self._sign_off(None)

    def _hear(self) -> bool:
        """Handle the next message; return whether there was one."""
        try:
            message = self._socket.receive(self._room.weigh)
            if message is None:
                return False
            self._take(message)
        except RequestTooLarge as fault:
            self._close_now(SessionEnding(fault, TOO_BIG, "message too big"))
        except GatewayError as fault:  # there is no room for the message
            self._close_now(SessionEnding(fault, TRY_LATER, "busy"))
        return True

    def look(self, now: float) -> None:
        """End the session if it is too old, idle, or its key is no longer valid."""
        if self._ending is not None:
            return
        settings = self._sessions.settings
        if now >= self._until:
            self._end(too_old(settings.max_age_s))
        elif self._lanes.is_idle and now - self._used_at > settings.idle_s:
            self._end(idle(settings.idle_s))
        else:
            try:
                self._authenticate()
            except Unauthenticated as fault:
                self._end(revoked(fault))
            except GatewayError:
                pass  # the lookup failed; each response authenticates anyway

    def retire(self) -> None:
        """End the session, as this process stops, once its running responses have ended."""
        self._end(restart())

    def _take(self, message: ClientMessage) -> None:
        """Handle a message; answer an invalid one with an error, and go on."""
        self._used_at = time.monotonic()
        place = self._room.take()
        stream_id = None
        try:
            _refuse_binary(message)
            frame, memory_bytes = parse_message(self._services, self._caller, place, message.data)
            stream_id = lane_of(frame)
            event = CLIENT_EVENT.load(frame)
            place = self._obey(event, frame, message.data, memory_bytes, place)
        except GatewayError as fault:
            self._refused += 1
            self._socket.send([error_line(fault, stream_id, self._request_id)])
        except OSError:
            raise  # the caller has disconnected
        except Exception as bug:  # noqa: BLE001 - the edge of the process
            self._fail(bug)
        finally:
            self._room.give_back(place)

    def _obey(
        self,
        event: ClientEvent,
        frame: dict[str, Any],
        raw: bytes,
        memory_bytes: int,
        place: Place | None,
    ) -> Place | None:
        """Handle an event; return the message's place if it is no longer needed."""
        if event.type == CREATE:
            self._refuse_at_end()
            self._lanes.check(event.stream_id)
            memory = self._memory.turn(event.stream_id or "", len(raw))
            body = create_body(frame)
            self._responses += 1
            self._socket.count_request()
            generates = event.generate
            self._lanes.put(
                SocketTurn(event.stream_id, body, len(raw), memory_bytes, generates, memory, place)
            )
            return None
        if event.type == CANCEL:
            self._cancel(event)
        elif event.type == STEER:
            # Parsed anew: in `frame` known items are replaced by the values that were read before.
            self._socket.send([steer_failed_line(steered(parse_json(raw)))])
        return place

    def _refuse_at_end(self) -> None:
        if self._ending is not None:
            raise self._ending.fault

    def _cancel(self, event: ClientEvent) -> None:
        """Cancel the response that the event names.

        Raises:
            InvalidRequest: it is not running on this connection.
        """
        if event.response_id is None:
            turn = self._lanes.running(event.stream_id or "")
        else:
            running = self._lanes.all_running()
            turn = next((each for each in running if each.response_id == event.response_id), None)
        if turn is None:
            raise InvalidRequest(
                "There is no such response running on this connection: it may have ended.",
                param=None if event.response_id is None else "response_id",
                code="response_not_cancellable",
            )
        turn.cancel()

    def _answer(self, turn: SocketTurn) -> None:
        """Answer a turn; runs in its lane, concurrently with reading."""
        self._room.give_back(turn.place)
        answered = True
        try:
            if not self._is_over and self._socket.closure is None:
                answered = self._posting.answer(turn, self._socket)
        except OSError:
            pass  # the caller has disconnected, which the reader will detect
        except Exception as bug:  # noqa: BLE001 - the edge of the process
            self._fail(bug)
        parent = turn.body.get("previous_response_id")
        if not answered and type(parent) is str:
            self._memory.forget(turn.lane, parent)

    def _fail(self, bug: Exception) -> None:
        """Log a bug, and close the connection."""
        unexpected(bug, self._request_id)
        self._socket.spawn(lambda: self._socket.close(FAULT, "internal error"))

    def _at_rest(self) -> None:
        """Close the session if it is ending, since nothing runs any more."""
        self._used_at = time.monotonic()
        self._quiet.set()
        self._finish()

    def _end(self, ending: SessionEnding) -> None:
        """Start nothing more, and close once the running responses have ended. Never blocks."""
        if self._ending is None and not self._is_over:
            self._ending = ending
            waiting = list(self._lanes.take_waiting())
            self._socket.spawn(lambda: self._wind_up(ending, waiting))

    def _wind_up(self, ending: SessionEnding, waiting: list[SocketTurn]) -> None:
        for turn in waiting:
            self._room.give_back(turn.place)
            with suppress(OSError):  # the caller has gone
                self._socket.send([error_line(ending.fault, turn.stream_id, self._request_id)])
        if self._lanes.is_idle:
            self._finish()

    def _finish(self) -> None:
        if self._ending is not None and not self._is_over:
            self._ending.send(self._socket, self._request_id)

    def _close_now(self, ending: SessionEnding) -> None:
        """Close at once, whatever is running."""
        self._ending = self._ending or ending
        ending.send(self._socket, self._request_id)

    def _leave(self) -> None:
        """Tell running responses that their caller has left, and wait until none is left.

        The connection ends before that: some go on without their caller, for minutes perhaps, and
        others wait for Redis to take what there is of them.
        """
        self._is_over = True
        self._socket.hang_up()
        for turn in self._lanes.take_waiting():
            self._room.give_back(turn.place)
        for turn in self._lanes.all_running():
            turn.leave()
        self._room.close()
        self._sign_off(self._socket.closure)
        while not self._lanes.is_idle:
            self._quiet.clear()
            self._quiet.wait()
        self._memory.close()  # last: responses that end put something in

    def _sign_off(self, closure: Closure | None) -> None:
        """Record that the session has ended, by its caller if there is no closure of ours."""
        self._sessions.leave(self._caller.key_id)
        log.info(
            "websocket_closed",
            request_id=self._request_id,
            account=self._caller.account,
            responses=self._responses,
            refused=self._refused,
            code=None if closure is None else closure.code,
            reason="caller" if closure is None else closure.reason,
        )


def _refuse_binary(message: ClientMessage) -> None:
    if not message.is_text:
        raise InvalidRequest(
            "A message must be JSON as text: send a text frame, not a binary one.",
            code="invalid_json",
        )
