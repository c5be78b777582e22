"""Write requests to upstreams: the parts that formats share."""
