"""Deciding: candidates, the question, waves, the overview. The model is a function that is handed in; no HTTP, no files."""
