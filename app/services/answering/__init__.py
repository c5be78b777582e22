"""From a request to its answer: context, the call upstream, events, storage."""
