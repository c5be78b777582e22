"""The items of an answer, each as far as it has come."""
