"""Small documents of other servers, such as an issuer's keys."""
