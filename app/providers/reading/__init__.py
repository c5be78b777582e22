"""Read answers of upstreams: the parts that formats share."""
