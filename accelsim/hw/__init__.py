"""Hardware that several machines share."""
