"""People's decisions: the list they fill, reading it back, putting it into the database. Asks no model."""
