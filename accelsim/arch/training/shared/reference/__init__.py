"""What the references of machines for training share."""
