"""What torch has and gradcli does not, so that a program that uses it is told so rather than that the name is unknown.

Made from the names of PyTorch 2.13 that the op table lacks; `tests/ops/test_absent.py` compares it with a live PyTorch.
"""

from __future__ import annotations

ABSENT: dict[str, str] = {
    "it works on complex numbers": (
        "cdouble cfloat chalf complex complex128 complex32 complex64 conj_physical_ hash_tensor imag is_conj is_neg "
        "istft polar stft view_as_complex view_as_complex_copy view_as_real view_as_real_copy"
    ),
    "it works on sparse, nested or ragged tensors": (
        "ccol_indices ccol_indices_copy coalesce col_indices col_indices_copy crow_indices crow_indices_copy "
        "dense_dim dsmm fractional_max_pool2d_with_indices fractional_max_pool3d_with_indices hsmm hspmm indices "
        "indices_copy is_coalesced is_nested is_sparse_csr jagged max_pool1d_with_indices resize_as_sparse_ "
        "row_indices row_indices_copy saddmm segment_reduce smm sparse_bsc sparse_bsc_tensor sparse_bsr "
        "sparse_bsr_tensor sparse_compressed_tensor sparse_coo sparse_coo_tensor sparse_csc sparse_csc_tensor "
        "sparse_csr sparse_csr_tensor sparse_dim sparse_mask sparse_resize_ sparse_resize_and_clear_ spmm to_dense "
        "to_padded_tensor to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo to_sparse_csc to_sparse_csr values "
        "values_copy"
    ),
    "it is for quantised tensors": (
        "dequantize empty_quantized fake_quantize_per_channel_affine fake_quantize_per_tensor_affine "
        "fused_moving_avg_obs_fake_quant is_quantized per_channel_affine per_channel_affine_float_qparams "
        "per_channel_symmetric per_tensor_affine per_tensor_symmetric q_per_channel_axis q_per_channel_scales "
        "q_per_channel_zero_points q_scale q_zero_point qint32 qint8 qscheme quantize_per_channel "
        "quantize_per_tensor quantize_per_tensor_dynamic quantized_batch_norm quantized_gru quantized_gru_cell "
        "quantized_lstm quantized_lstm_cell quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d "
        "quantized_rnn_relu_cell quantized_rnn_tanh_cell quint2x4 quint4x2 quint8 scaled_grouped_mm scaled_mm"
    ),
    "it is a layer with state of its own": (
        "ctc_loss gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell"
    ),
    "it is about devices, storage, files or compilation": (
        "are_deterministic_algorithms_enabled autocast clear_autocast_cache compile compiled_with_cxx11_abi cond "
        "fork from_dlpack from_file get_default_device get_deterministic_debug_mode get_device get_device_module "
        "get_num_interop_threads ipu is_deterministic_algorithms_warn_only_enabled is_distributed is_ipu is_maia "
        "is_mps is_mtia is_pinned is_shared is_storage is_vulkan is_vulkan_available is_xpu load module_load "
        "mtia record_stream save set_default_device set_deterministic_debug_mode set_num_interop_threads "
        "share_memory_ storage storage_type to_dlpack untyped_storage wait while_loop xpu"
    ),
    "it is not a part of the dense tensor algebra that gradcli covers": (
        "affine_grid_generator alpha_dropout_ apply_ as_strided_ as_subclass batch_norm_backward_elemt "
        "batch_norm_backward_reduce batch_norm_elemt batch_norm_gather_stats batch_norm_gather_stats_with_counts "
        "batch_norm_stats batch_norm_update_stats bfloat16 binary_cross_entropy_with_logits binomial bit "
        "channels_last_3d choose_qparams_optimized const_data_ptr conv_tbc "
        "convolution cosine_embedding_loss default_generator detach_ detach_copy dim_order dropout_ eig embedding "
        "embedding_bag embedding_renorm_ feature_alpha_dropout_ feature_dropout_ fill_ fractional_max_pool2d "
        "fractional_max_pool3d frombuffer get_float32_matmul_precision grad_dtype grouped_mm "
        "handle_torch_function hinge_embedding_loss histogramdd index "
        "is_mkldnn is_signed is_warn_always_enabled is_xla kl_div ldl_factor ldl_factor_ex ldl_solve "
        "legacy_contiguous_format linear_cross_entropy lobpcg lstsq lu_factor lu_factor_ex map2_ map_ "
        "margin_ranking_loss matrix_rank multi_head_attention_forward name native_dropout native_norm new "
        "pca_lowrank poisson poisson_nll_loss reinforce resize "
        "resize_ resize_as resize_as_ set_anomaly_enabled set_float32_matmul_precision set_flush_denormal "
        "set_warn_always slice_inverse solve sspaddmm svd_lowrank symeig thread_safe_generator to_mkldnn "
        "triplet_margin_loss"
    ),
}


def absent_from(name: str) -> str | None:
    """Why gradcli leaves out a name that torch (or its tensors) has; None for a name that torch lacks, too."""
    for reason, names in ABSENT.items():
        if name in names.split():
            return reason
    return None
