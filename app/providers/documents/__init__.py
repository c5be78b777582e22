"""Small documents of others, such as an issuer's keys."""
