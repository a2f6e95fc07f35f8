"""The HTTP side of the program: server, request parsing, answers, monitoring."""
