"""What the machines of streams have in common: both operands as compressed rows, fibers on lines, and the output.

product    one matrix product of a layer: A [M, K] times B [K, N]; products follow one another.
fiber      the non-zeros of one row, coordinates ascending.
element    a coordinate and its value in a fiber.
line       what memory moves at least; coordinates and values of a fiber each begin on a line of their own.

Rules: docs/machines/streams.md.
"""
