"""What a JSON body weighs before it is parsed, and its long texts, which need no parsing."""
