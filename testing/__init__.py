"""What tests and benchmarks share: servers that misbehave, scripted models, corpora. The program imports none of it."""
