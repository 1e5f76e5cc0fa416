"""Operators that a program in a file (TorchScript, `torch.export`) may call: those that compute values from values.

Anything else is refused before the program runs, above all what reads or writes files (`aten::save`,
`aten::from_file`), prints, calls Python or goes over a network. Names are ATen's, without the `_` of in-place variants.
"""

def _words(text: str) -> list[str]:
    return text.split()


_VALUES = """
abs absolute acos acosh adaptive_avg_pool1d _adaptive_avg_pool2d adaptive_avg_pool2d _adaptive_avg_pool3d
adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d add addbmm addcdiv addcmul addmm addmv
addr affine_grid_generator all alpha_dropout amax amin aminmax __and__ any append arange argmax argmin argsort
as_strided as_tensor asin asinh _assert_async _assert_scalar _assert_tensor_metadata atan atan2 atanh avg_pool1d
avg_pool2d avg_pool3d baddbmm batch_norm _batch_norm_impl_index bilinear bitwise_and bitwise_left_shift bitwise_not
bitwise_or bitwise_right_shift bitwise_xor bmm Bool broadcast_tensors broadcast_to bucketize _cat cat cdist ceil celu
chain_matmul channel_shuffle Char chunk clamp clamp_max clamp_min clear clip clone col2im column_stack Complex complex
ComplexImplicit concat concatenate _conj conj constant_pad_nd __contains__ contains contiguous conv1d conv2d conv3d
conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d _convolution convolution _convolution_mode copy copysign
cos cosh cosine_similarity count_nonzero cpu cross cummax cummin cumprod cumsum deg2rad degrees Delete dequantize
__derive_index detach detach_copy diag diag_embed diagonal diagonal_copy diff dim _dim_arange dist div divide divmod
dot Double dropout einsum elu embedding _embedding_bag embedding_bag empty empty_like empty_strided endswith enumerate
eq equal erf erfc erfinv exp exp2 expand expand_as expand_copy expm1 extend eye fake_quantize_per_channel_affine
fake_quantize_per_tensor_affine feature_alpha_dropout feature_dropout fft_fft fft_ifft fft_irfft fft_rfft fill find
flatten flip fliplr flipud Float float_power FloatImplicit floor floor_divide floordiv fmax fmin fmod format frac
frexp frobenius_norm full full_like gather gcd ge gelu get __getitem__ glu greater greater_equal grid_sampler
grid_sampler_2d grid_sampler_3d group_norm gru gru_cell gt hardshrink hardsigmoid hardswish hardtanh heaviside hsplit
hstack hypot __iand__ im2col index index_add index_copy index_fill index_put index_select inner insert instance_norm
Int IntImplicit inverse __ior__ __is__ is_complex is_contiguous is_floating_point is_nonzero isclose isdigit isfinite
isin isinf isnan isneginf __isnot__ isposinf isreal item items __ixor__ join keys kron kthvalue layer_norm ldexp le
leaky_relu len lerp less less_equal lgamma lift_fresh lift_fresh_copy linalg_cross linalg_inv linalg_matrix_norm
linalg_norm linalg_vector_norm linear linspace list log log10 log1p log2 log_sigmoid _log_softmax log_softmax
logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logit logspace logsumexp lower __lshift__ lstm
lstm_cell lt _make_dual masked_fill masked_scatter masked_select matmul matrix_power max max_pool1d
max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d
max_unpool3d maximum mean median meshgrid min minimum mish mm mod moveaxis movedim msort mul
multi_head_attention_forward multiply mv mvlgamma nan_to_num nanmean nanmedian nansum narrow narrow_copy
native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training native_channel_shuffle native_dropout
native_group_norm native_layer_norm _native_multi_head_attention ne neg negative _nested_tensor_from_mask_left_aligned
new_empty new_full new_ones new_tensor new_zeros nonzero nonzero_numpy norm normalize __not__ not_equal numel numpy_T
one_hot ones ones_like __or__ outer _pack_padded_sequence pad _pad_circular _pad_enum _pad_packed_sequence
pad_sequence pairwise_distance pdist permute permute_copy pin_memory pixel_shuffle pixel_unshuffle polar pop popitem
pos positive pow prelu _prelu_kernel prod quantile quantize_per_channel quantize_per_tensor rad2deg radians rand
rand_like randint randint_like randn randn_like randperm __range_length ravel real reciprocal reflection_pad1d
reflection_pad2d reflection_pad3d relu relu6 remainder remove renorm repeat repeat_interleave replace
replication_pad1d replication_pad2d replication_pad3d requires_grad reshape _reshape_alias reshape_as
_reshape_from_tensor resize resolve_conj resolve_neg result_type reverse rms_norm rnn_relu rnn_relu_cell rnn_tanh
rnn_tanh_cell roll rot90 round __round_to_zero_floordiv rrelu __rshift__ rsqrt rstrip rsub _safe_softmax scalar_tensor
ScalarImplicit scaled_dot_product_attention _scaled_dot_product_attention_math
_scaled_dot_product_flash_attention_for_cpu scatter scatter_add scatter_reduce searchsorted select select_copy
select_scatter selu _set_item setdefault sgn shape _shape_as_tensor sigmoid sign signbit silu sin sinc sinh size slice
slice_copy slice_scatter _softmax softmax softplus softshrink sort sorted special_entr special_erf special_expit
special_log1p special_logit special_softmax split split_copy split_with_sizes split_with_sizes_copy splitlines sqrt
square squeeze squeeze_copy _stack stack _standard_gamma startswith std std_mean stride strip sub subtract sum
sum_to_size svd swapaxes swapdims sym_constrain_range sym_constrain_range_for_size sym_numel sym_size
sym_storage_offset sym_stride t t_copy take take_along_dim tan tanh tensor tensor_split tensordot _thnn_fused_gru_cell
_thnn_fused_lstm_cell threshold tile title to _to_copy to_dense topk trace _transformer_encoder_layer_fwd transpose
transpose_copy tril tril_indices _trilinear triu triu_indices trunc truncate type_as unbind unbind_copy unflatten
unfold unfold_copy unique _unique2 unique_consecutive unique_dim unsafe_chunk _unsafe_index _unsafe_index_put
_unsafe_masked_index unsafe_split unsafe_split_with_sizes _unsafe_view unsqueeze unsqueeze_copy update upper
upsample_bicubic2d _upsample_bicubic2d_aa upsample_bilinear2d _upsample_bilinear2d_aa upsample_linear1d
upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact1d _upsample_nearest_exact2d
_upsample_nearest_exact3d upsample_trilinear3d values vander var var_mean vdot view view_as view_as_complex
view_as_real view_copy vsplit vstack warn _weight_norm where xlogy __xor__ zero zeros zeros_like
"""
ATEN = frozenset(_words(_VALUES))

# TorchScript's own: control flow, lists, tuples and attributes
PRIM = frozenset(_words("""
BroadcastSizes Constant ConstantChunk CreateObject DictConstruct EnumName EnumValue GetAttr If ListConstruct
ListUnpack Loop ModuleContainerIndex NumToTensor RaiseException SetAttr TupleConstruct TupleIndex TupleSlice
TupleUnpack Uninitialized abs annotate data device dtype isinstance is_cuda itemsize layout max min ndim range
requires_grad tolist type unchecked_cast unchecked_unwrap_optional unwrap_optional
"""))

# Python's arithmetic on sizes, in exported programs
ARITHMETIC = frozenset(_words("""
add and_ eq floordiv ge getitem gt le lt mod mul ne neg not_ or_ pow sub truediv
"""))


def allowed(namespace: str, name: str) -> bool:
    """May a program in a file call this operator?"""
    if namespace == "aten":
        return name in ATEN or (name.endswith("_") and not name.endswith("__") and name[:-1] in ATEN)
    return namespace == "prim" and name in PRIM
