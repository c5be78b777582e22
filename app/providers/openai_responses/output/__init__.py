"""The output items of an answer, each as far as it has been read."""
