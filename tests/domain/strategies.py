"""Arbitrary delta sequences: sensible ones, and ones that contradict themselves."""

from __future__ import annotations

from hypothesis import strategies as st

from app.domain.response import Usage
from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Compacted,
    Delta,
    Finished,
    ItemEnded,
    MessageOpened,
    Opaque,
    PartEnded,
    ReasoningOpened,
    Refused,
    Text,
    Thought,
    Used,
)

_keys = st.sampled_from(["0", "1", "2"])
_words = st.sampled_from(["", "a", "hello ", "ü", "{", "}", '{"a":1}', " "])
_annotation = st.just(
    {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
)

deltas: st.SearchStrategy[Delta] = st.one_of(
    st.builds(Text, _words),
    st.builds(Thought, _words),
    st.builds(Refused, _words),
    st.builds(Annotated, _annotation),
    st.builds(MessageOpened, st.sampled_from([None, "commentary"])),
    st.just(ReasoningOpened()),
    st.builds(Opaque, st.just("payload")),
    st.builds(
        CallOpened,
        _keys,
        st.sampled_from([None, "call_x", "c" * 80]),
        st.just("f"),
        st.none(),
        st.booleans(),
    ),
    st.builds(Arguments, _keys, _words),
    st.just(PartEnded()),
    st.just(ItemEnded()),
    st.just(Compacted("sealed")),
    st.just(Used(Usage(3, 4))),
)
endings = st.sampled_from(
    [None, Finished(), Finished("length"), Finished("content_filter", "flex")]
)
