"""HTTP: bodies, answers, problems, and the description of the endpoints."""
