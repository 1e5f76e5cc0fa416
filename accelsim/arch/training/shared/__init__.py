"""What machines for training share: passes and the drawn dL/dy. No rule of a paper."""
