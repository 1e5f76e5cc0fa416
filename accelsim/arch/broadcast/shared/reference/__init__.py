"""What the references of the family share: a matrix as PE memories, and the blocks that a vector passes."""
