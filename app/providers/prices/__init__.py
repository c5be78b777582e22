"""What vendors charge: the data of a kept library (genai-prices), as `make prices` took them."""
