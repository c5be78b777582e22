"""Builds the request to one provider: the context that it may see, and its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from app.domain.answer_options import PLAIN_TEXT, ConfigurationUpdate
from app.domain.hosted.policy import NOTHING_PASSES
from app.domain.items import Compaction, InputText, Item, Message, Reasoning
from app.domain.request import ModelRequest, Parameters
from app.domain.tools import allowed_of
from app.domain.turns.compaction import SUMMARY_REQUEST, instructions_in, messages_of
from app.services.answering.plain_reasoning import Opened, opened_for
from app.services.answering.prepared.passing import forwarded_to, left_out
from app.services.answering.prepared.request import PreparedRequest
from app.services.answering.prepared.sampling import accepted_sampling
from app.services.answering.sealing import PayloadSealer, Unsealed
from app.services.answering.tool_forms import for_provider
from app.services.upstreams.catalog import Target


class ModelRequests:
    """Builds the requests to providers from a prepared request.

    `remembers` says whether what they are sent may be cached for the conversation's next request.
    """

    def __init__(self, sealer: PayloadSealer, *, remembers: bool) -> None:
        self._sealer = sealer
        self._remembers = remembers

    def answer(
        self, prepared: PreparedRequest, items: tuple[Item, ...], target: Target
    ) -> ModelRequest:
        """Return the request that has a target continue from these items."""
        return self._request(prepared, items, target, self._known(prepared, target))

    def _known(self, prepared: PreparedRequest, target: Target) -> frozenset[str]:
        """Return the types of tools that the target knows and the caller may use."""
        known = target.provider.known_tools(target.upstream_model)
        allowed = prepared.caller.hosted_tools
        return known if allowed is None else allowed_of(known, allowed)

    def _request(
        self,
        prepared: PreparedRequest,
        items: tuple[Item, ...],
        target: Target,
        known: frozenset[str],
    ) -> ModelRequest:
        account, request = prepared.caller.account, prepared.request
        if prepared.thread.has_compactions or request.compact_threshold is not None:
            items = self._with_summaries(account, items)
        parameters, items = for_provider(request.parameters, items, prepared.thread, known)
        key, items = self._for_target(account, target, items)
        parameters = self._pseudonymous(account, parameters)
        parameters, unsampled = accepted_sampling(target, parameters)
        forwarded = forwarded_to(target.provider.policy, request.forwarded, parameters)
        return ModelRequest(
            model=target.upstream_model,
            items=items,
            parameters=parameters,
            stream=request.stream or request.background,
            history_tools=prepared.thread.tools,
            max_output_tokens_default=target.max_output_tokens,
            reasons=target.reasons,
            has_cache_breakpoints=request.has_cache_breakpoints,
            detailed_parts=request.detailed_parts,
            known_tools=known,
            key=key,
            forwarded=forwarded,
            left_out=(
                unsampled
                if request.passed is NOTHING_PASSES
                else (*unsampled, *left_out(request, prepared.parameters, forwarded, known))
            ),
            is_private=prepared.caller.content_key is not None or not self._remembers,
        )

    def summary(
        self, prepared: PreparedRequest, items: tuple[Item, ...], target: Target
    ) -> ModelRequest:
        """Return the request that has a target summarize these items (G6).

        Tools stay declared but may not be called: what an upstream has cached of the context begins
        with them. A token limit is meant for the answer, which may be the summary itself.
        """
        # A summary is plain text: no item may select another format.
        known = self._known(prepared, target) - {ConfigurationUpdate.type}
        request = self._request(prepared, items, target, known)
        closing = Message("", "user", (InputText(SUMMARY_REQUEST),))
        parameters = request.parameters
        return replace(
            request,
            items=(*request.items, closing),
            parameters=replace(
                parameters,
                text=PLAIN_TEXT,
                top_logprobs=None,
                include=frozenset(),
                tool_choice="none" if parameters.tools or prepared.thread.added else "auto",
                max_output_tokens=(
                    parameters.max_output_tokens if prepared.request.compaction else None
                ),
            ),
        )

    def _pseudonymous(self, account: str, parameters: Parameters) -> Parameters:
        """Return the parameters with pseudonyms that no other account has upstream (U14)."""
        names = (parameters.user, parameters.safety_identifier, parameters.prompt_cache_key)
        if names == (None, None, None):
            return parameters
        user, safety_identifier, cache_key = (
            name and self._sealer.pseudonym(account, name) for name in names
        )
        return replace(
            parameters,
            user=user,
            safety_identifier=safety_identifier,
            prompt_cache_key=cache_key,
        )

    def _for_target(
        self, account: str, target: Target, items: tuple[Item, ...]
    ) -> tuple[str | None, tuple[Item, ...]]:
        """Return the items with opaque payloads of this provider only (U11), after their key.

        If the provider has a pool, all payloads are those of one key: the target's own, or else the
        key of the newest payload; None if there is none.
        """
        if Reasoning not in map(type, items):
            return target.key, items
        blobs = [
            item.encrypted_content
            for item in items
            if type(item) is Reasoning and item.encrypted_content is not None
        ]
        if not blobs:
            return target.key, items
        # Open each blob once: those of plain reasoning, which is most of it, are all equal (U16).
        distinct = dict.fromkeys(reversed(blobs))
        unsealed = {blob: self._unsealed(account, target, blob) for blob in distinct}
        keys = (each.key for each in unsealed.values() if each and each.key in target.keys)
        key = target.key or next(keys, None)
        opened = {
            blob: opened_for(target.upstream_model, key, each)
            for blob, each in unsealed.items()
            if each is not None
        }
        return key, tuple(_with_payloads(items, opened))

    def _with_summaries(self, account: str, items: tuple[Item, ...]) -> tuple[Item, ...]:
        """Return the items with summaries in place of this gateway's compactions."""
        given, seen = instructions_in(items), list[Item]()
        for item in items:
            summary = None
            if isinstance(item, Compaction):
                summary = self._sealer.open_summary(account, item.encrypted_content)
            seen += [item] if summary is None else messages_of(summary, given)
        return tuple(seen)

    def _unsealed(self, account: str, target: Target, blob: str) -> Unsealed | None:
        """Open a payload of this provider; None for another provider's or an invalid one."""
        unsealed = self._sealer.open(account, blob)
        if unsealed is None or unsealed.provider != target.provider.name:
            return None
        return unsealed


def _with_payloads(items: Iterable[Item], opened: Mapping[str, Opened | None]) -> Iterator[Item]:
    """Yield the items with open payloads, without reasoning, text and all, of another origin."""
    for item in items:
        if type(item) is not Reasoning or item.encrypted_content is None:
            yield item
        elif (payload := opened.get(item.encrypted_content)) is not None:
            yield Reasoning(item.id, item.summary, item.content, payload.text)
