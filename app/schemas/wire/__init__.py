"""The schemas of what the gateway writes: responses, events, items, errors, accounts."""
