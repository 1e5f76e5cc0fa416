"""What the fast engines of the family share: a matrix as counts, and its vectors through the queues."""
