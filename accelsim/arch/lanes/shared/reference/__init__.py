"""The obvious twin of the family: lanes that step and wait for each other. Rules: docs/machines/lanes.md."""
