"""What a deployment starts from (deploy/) is what the gateway, and each tool, takes."""
