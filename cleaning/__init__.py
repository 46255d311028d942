"""A raw ticket made readable and safe: text from HTML, history and signatures cut, secrets replaced. Asks nobody, writes nothing."""
