"""What is known and kept: issues, decisions, conversations, checkpoints and the names of their files. Decides nothing."""
