"""What spectral machines have in common. Rules: docs/machines/spectral.md, whose words are used everywhere here."""
