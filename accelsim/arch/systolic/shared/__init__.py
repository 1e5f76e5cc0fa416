"""What the machines built around a systolic array share."""
