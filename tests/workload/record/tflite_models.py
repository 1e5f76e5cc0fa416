"""Small TFLite models made on the spot."""

import numpy as np

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int64": 4, "int16": 7, "int8": 9}


class Builder:
    """Tensors and operators of one graph; `save` writes the file."""

    def __init__(self, schema, flatbuffers):
        self.schema, self.flatbuffers = schema, flatbuffers
        self.tensors, self.buffers, self.codes, self.operators = [], [schema.BufferT()], [], []

    def tensor(self, name, shape, kind="float32", data=None, scale=None, zero=None, axis=0, sparsity=None):
        quantization = None
        if scale is not None:
            scale = np.atleast_1d(np.array(scale, np.float32))
            zero = np.zeros(scale.size, np.int64) if zero is None else np.atleast_1d(np.array(zero, np.int64))
            quantization = self.schema.QuantizationParametersT(scale=scale, zeroPoint=zero, quantizedDimension=axis)
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            self.buffers.append(self.schema.BufferT(data=np.ascontiguousarray(data).reshape(-1).view(np.uint8)))
        self.tensors.append(self.schema.TensorT(name=name, shape=list(shape), type=TYPES[kind], buffer=buffer,
                                                hasRank=True, quantization=quantization, sparsity=sparsity))
        return len(self.tensors) - 1

    def constant(self, name, array, **options):
        array = np.asarray(array)
        return self.tensor(name, array.shape, array.dtype.name, array, **options)

    def op(self, code, inputs, outputs, options=None, **values):
        number = getattr(self.schema.BuiltinOperator, code)
        self.codes.append(self.schema.OperatorCodeT(builtinCode=number, deprecatedBuiltinCode=min(number, 127),
                                                    version=1, customCode="mine" if code == "CUSTOM" else None))
        kind, made = 0, None
        if options is not None:
            kind, made = getattr(self.schema.BuiltinOptions, options), getattr(self.schema, f"{options}T")(**values)
        self.operators.append(self.schema.OperatorT(opcodeIndex=len(self.codes) - 1, inputs=inputs, outputs=outputs,
                                                    builtinOptionsType=kind, builtinOptions=made))

    def save(self, path, inputs, outputs):
        graph = self.schema.SubGraphT(tensors=self.tensors, inputs=inputs, outputs=outputs, operators=self.operators,
                                      name="main")
        model = self.schema.ModelT(version=3, operatorCodes=self.codes, subgraphs=[graph], buffers=self.buffers,
                                   description="made by a test")
        builder = self.flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        return path


def conv_options(padding=1, stride=1, dilation=1, **more):
    return {"padding": padding, "strideH": stride, "strideW": stride, "dilationHFactor": dilation,
            "dilationWFactor": dilation, **more}


def compressed(schema, dense):
    """A matrix [rows, cols] as SparsityParameters (rows dense, columns compressed) and its values."""
    rows = [np.flatnonzero(row) for row in dense]
    segments = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int32)
    indices = np.concatenate(rows).astype(np.int32)
    vectors = schema.SparseIndexVector.Int32Vector
    levels = [schema.DimensionMetadataT(format=0, denseSize=dense.shape[0]),
              schema.DimensionMetadataT(format=1, arraySegmentsType=vectors, arrayIndicesType=vectors,
                                        arraySegments=schema.Int32VectorT(values=segments),
                                        arrayIndices=schema.Int32VectorT(values=indices))]
    sparsity = schema.SparsityParametersT(traversalOrder=np.array([0, 1], np.int32), dimMetadata=levels)
    return sparsity, dense[dense != 0]
