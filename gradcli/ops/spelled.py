"""Which families declare which spellings. Written by `python -m gradcli.ops.catalog`; do not edit."""

SPELLED = {
    "activations": (
        ".hardshrink .prelu F.celu F.elu F.hardshrink F.hardsigmoid F.hardswish F.hardtanh F.leaky_relu F.prelu "
        "F.relu6 F.rrelu F.selu F.softshrink F.threshold torch.celu torch.hardshrink torch.prelu torch.rrelu "
        "torch.selu torch.threshold"
    ),
    "adaptive": (
        "F.adaptive_avg_pool1d F.adaptive_avg_pool2d F.adaptive_avg_pool3d F.adaptive_max_pool1d "
        "F.adaptive_max_pool1d_with_indices F.adaptive_max_pool2d F.adaptive_max_pool2d_with_indices "
        "F.adaptive_max_pool3d F.adaptive_max_pool3d_with_indices torch.adaptive_avg_pool1d torch.adaptive_max_pool1d"
    ),
    "arithmetic": (
        ".abs .absolute .add .angle .div .divide .floor_divide .fmod .mul .multiply .neg .negative .positive "
        ".reciprocal .remainder .sgn .sign .sub .subtract .true_divide torch.abs torch.absolute torch.add torch.angle "
        "torch.div torch.divide torch.floor_divide torch.fmod torch.mul torch.multiply torch.neg torch.negative "
        "torch.positive torch.reciprocal torch.remainder torch.rsub torch.sgn torch.sign torch.sub torch.subtract "
        "torch.true_divide"
    ),
    "attention": "F.scaled_dot_product_attention",
    "bags": "F.embedding_bag",
    "batchnorm": (
        "F.batch_norm F.instance_norm F.local_response_norm torch.batch_norm torch.instance_norm "
        "torch.native_batch_norm torch.native_group_norm torch.native_layer_norm"
    ),
    "bessel": (
        ".i0 special.airy_ai special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 "
        "special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v "
        "special.chebyshev_polynomial_w special.hermite_polynomial_h special.hermite_polynomial_he special.i0 "
        "special.i0e special.i1 special.i1e special.laguerre_polynomial_l special.legendre_polynomial_p "
        "special.modified_bessel_i0 special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 "
        "special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.shifted_chebyshev_polynomial_t "
        "special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v "
        "special.shifted_chebyshev_polynomial_w special.spherical_bessel_j0 torch.i0"
    ),
    "bitwise": (
        ".bitwise_and .bitwise_left_shift .bitwise_not .bitwise_or .bitwise_right_shift .bitwise_xor .frexp .gcd .lcm "
        ".ldexp torch.bitwise_and torch.bitwise_left_shift torch.bitwise_not torch.bitwise_or "
        "torch.bitwise_right_shift torch.bitwise_xor torch.frexp torch.gcd torch.lcm torch.ldexp"
    ),
    "blend": ".addcdiv .addcmul .lerp torch.addcdiv torch.addcmul torch.lerp",
    "chances": ".bernoulli .multinomial torch.bernoulli torch.multinomial",
    "cholesky": ".cholesky linalg.cholesky linalg.cholesky_ex torch.cholesky",
    "compare": (
        ".allclose .eq .equal .ge .greater .greater_equal .gt .is_nonzero .isclose .isfinite .isinf .isnan .isneginf "
        ".isposinf .isreal .le .less .less_equal .logical_and .logical_not .logical_or .logical_xor .lt .maximum "
        ".minimum .ne .not_equal .signbit .where torch.allclose torch.eq torch.equal torch.ge torch.greater "
        "torch.greater_equal torch.gt torch.is_nonzero torch.isclose torch.isfinite torch.isin torch.isinf torch.isnan "
        "torch.isneginf torch.isposinf torch.isreal torch.le torch.less torch.less_equal torch.logical_and "
        "torch.logical_not torch.logical_or torch.logical_xor torch.lt torch.maximum torch.minimum torch.ne "
        "torch.not_equal torch.signbit"
    ),
    "compare extremes": ".max .min torch.max torch.min",
    "compare search": "torch.where",
    "conditions": "linalg.cond linalg.matrix_rank",
    "convert": (
        ".bool .byte .char .clone .contiguous .copy_ .cpu .cuda .detach .double .fill_ .float .half .int "
        ".is_contiguous .long .short .to .type .type_as .zero_ torch.clone torch.detach torch.fill torch.zero_"
    ),
    "convolution": (
        "F.conv1d F.conv2d F.conv3d F.conv_transpose1d F.conv_transpose2d F.conv_transpose3d torch.conv1d torch.conv2d "
        "torch.conv3d torch.conv_transpose1d torch.conv_transpose2d torch.conv_transpose3d"
    ),
    "copies": (
        ".conj .conj_physical .narrow_copy .real .resolve_conj .resolve_neg .sum_to_size .unsafe_chunk .unsafe_split "
        ".unsafe_split_with_sizes torch.alias_copy torch.as_strided_copy torch.conj torch.conj_physical "
        "torch.diagonal_copy torch.expand_copy torch.narrow_copy torch.permute_copy torch.real torch.resolve_conj "
        "torch.resolve_neg torch.select_copy torch.slice_copy torch.split_copy torch.split_with_sizes_copy "
        "torch.squeeze_copy torch.t_copy torch.transpose_copy torch.unbind_copy torch.unfold_copy torch.unravel_index "
        "torch.unsafe_chunk torch.unsafe_split torch.unsafe_split_with_sizes torch.unsqueeze_copy torch.view_copy"
    ),
    "counts": ".all .any .count_nonzero torch.all torch.any torch.count_nonzero",
    "create": (
        ".new_empty .new_empty_strided .new_full .new_ones .new_tensor .new_zeros torch.arange torch.empty "
        "torch.empty_like torch.empty_permuted torch.empty_strided torch.eye torch.full torch.full_like torch.linspace "
        "torch.logspace torch.ones torch.ones_like torch.scalar_tensor torch.tril_indices torch.triu_indices "
        "torch.zeros torch.zeros_like"
    ),
    "crossentropy": "F.cross_entropy F.nll_loss",
    "ctc": "F.ctc_loss",
    "diagonal": (
        ".diag .diag_embed .diagflat .diagonal .trace .tril .triu linalg.diagonal torch.diag torch.diag_embed "
        "torch.diagflat torch.diagonal torch.trace torch.tril torch.triu"
    ),
    "differences": ".diff torch.cumulative_trapezoid torch.diff torch.gradient torch.trapezoid torch.trapz",
    "distances": (
        "F.cosine_similarity F.pairwise_distance F.pdist torch.cdist torch.cosine_similarity torch.pairwise_distance "
        "torch.pdist"
    ),
    "dropout": (
        "F.alpha_dropout F.dropout F.dropout1d F.dropout2d F.dropout3d F.feature_alpha_dropout torch.alpha_dropout "
        "torch.dropout torch.feature_alpha_dropout torch.feature_dropout"
    ),
    "eigen": "linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh",
    "einsum": "torch.einsum",
    "embed": (
        ".as_strided .as_strided_scatter .diagonal_scatter .element_size .fill_diagonal_ .is_same_size .select_scatter "
        ".slice_scatter .stride torch.as_strided torch.as_strided_scatter torch.diagonal_scatter torch.is_same_size "
        "torch.select_scatter torch.slice_scatter"
    ),
    "equations": (
        ".cholesky_inverse .cholesky_solve .triangular_solve linalg.solve linalg.solve_ex linalg.solve_triangular "
        "linalg.tensorinv linalg.tensorsolve torch.cholesky_inverse torch.cholesky_solve torch.triangular_solve"
    ),
    "explog": (
        ".exp .exp2 .expm1 .float_power .log .log10 .log1p .log2 .logaddexp .logaddexp2 .logit .pow .rsqrt .sigmoid "
        ".sqrt .square F.sigmoid special.exp2 special.expit special.expm1 special.log1p special.logit torch.exp "
        "torch.exp2 torch.expm1 torch.float_power torch.log torch.log10 torch.log1p torch.log2 torch.logaddexp "
        "torch.logaddexp2 torch.logit torch.pow torch.rsqrt torch.sigmoid torch.sqrt torch.square"
    ),
    "extremes": ".amax .amin .aminmax .argmax .argmin torch.amax torch.amin torch.aminmax torch.argmax torch.argmin",
    "folding": "F.fold F.unfold",
    "gamma": (
        ".digamma .igamma .igammac .lgamma .mvlgamma .polygamma special.digamma special.gammainc special.gammaincc "
        "special.gammaln special.multigammaln special.polygamma special.psi special.zeta torch.digamma torch.igamma "
        "torch.igammac torch.lgamma torch.mvlgamma torch.polygamma"
    ),
    "gates": "F.glu F.logsigmoid F.mish F.silu F.softplus F.softsign F.tanhshrink",
    "gather": (
        ".gather .index_select .take .take_along_dim torch.gather torch.index_select torch.take torch.take_along_dim"
    ),
    "gelu": "F.gelu",
    "grids": "F.affine_grid F.grid_sample torch.grid_sampler torch.grid_sampler_2d torch.grid_sampler_3d",
    "gumbel": "F.gumbel_softmax",
    "histogram": ".bincount .histc .histogram torch.bincount torch.histc torch.histogram",
    "index": ".index_put torch.index_put",
    "indexed": (
        ".index_add .index_copy .index_fill .index_reduce .put torch.index_add torch.index_copy torch.index_fill "
        "torch.index_reduce torch.put"
    ),
    "inverses": (
        ".det .inverse .logdet .slogdet linalg.det linalg.inv linalg.inv_ex linalg.slogdet torch.det torch.inverse "
        "torch.logdet torch.slogdet"
    ),
    "join": (
        ".combinations .repeat .repeat_interleave .tile torch.block_diag torch.cartesian_prod torch.cat "
        "torch.column_stack torch.combinations torch.concat torch.concatenate torch.dstack torch.hstack torch.meshgrid "
        "torch.repeat_interleave torch.row_stack torch.stack torch.tile torch.vstack"
    ),
    "layers": "F.bilinear F.linear torch.bilinear",
    "leastsquares": ".pinverse linalg.lstsq linalg.pinv torch.pinverse",
    "likelihood": "F.gaussian_nll_loss F.kl_div F.poisson_nll_loss",
    "limits": (
        ".clamp .clamp_max .clamp_min .clip .copysign .fmax .fmin .heaviside .nan_to_num .nextafter .relu F.relu "
        "torch.clamp torch.clamp_max torch.clamp_min torch.clip torch.copysign torch.fmax torch.fmin torch.heaviside "
        "torch.nan_to_num torch.nextafter torch.relu"
    ),
    "losses": (
        "F.binary_cross_entropy F.binary_cross_entropy_with_logits F.huber_loss F.l1_loss F.mse_loss F.smooth_l1_loss"
    ),
    "lu": (
        ".lu .lu_solve linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve linalg.lu linalg.lu_factor "
        "linalg.lu_factor_ex linalg.lu_solve torch.lu torch.lu_solve torch.lu_unpack"
    ),
    "margins": (
        "F.cosine_embedding_loss F.hinge_embedding_loss F.margin_ranking_loss F.multi_margin_loss "
        "F.multilabel_margin_loss F.multilabel_soft_margin_loss F.soft_margin_loss F.triplet_margin_loss "
        "F.triplet_margin_with_distance_loss"
    ),
    "masked": ".masked_fill .masked_scatter .masked_select torch.masked_fill torch.masked_scatter torch.masked_select",
    "maskedreduce": (
        "masked.amax masked.amin masked.argmax masked.argmin masked.cumprod masked.cumsum masked.log_softmax "
        "masked.logaddexp masked.logsumexp masked.mean masked.median masked.norm masked.normalize masked.prod "
        "masked.softmax masked.softmin masked.std masked.sum masked.var"
    ),
    "matrixpowers": (
        ".matrix_exp .matrix_power linalg.matrix_exp linalg.matrix_power torch.matrix_exp torch.matrix_power"
    ),
    "maxpooling": (
        "F.max_pool1d F.max_pool1d_with_indices F.max_pool2d F.max_pool2d_with_indices F.max_pool3d "
        "F.max_pool3d_with_indices F.max_unpool1d F.max_unpool2d F.max_unpool3d torch.max_pool1d torch.max_pool2d "
        "torch.max_pool3d"
    ),
    "normalize": "F.group_norm F.layer_norm F.normalize F.rms_norm torch.group_norm torch.layer_norm torch.rms_norm",
    "norms": (
        ".dist .norm .renorm linalg.matrix_norm linalg.norm linalg.vector_norm torch.dist torch.frobenius_norm "
        "torch.norm torch.norm_except_dim torch.nuclear_norm torch.renorm"
    ),
    "order": (
        ".H .T .adjoint .flip .fliplr .flipud .mH .mT .moveaxis .movedim .permute .roll .rot90 .swapaxes .swapdims .t "
        ".transpose torch.adjoint torch.flip torch.fliplr torch.flipud torch.moveaxis torch.movedim torch.permute "
        "torch.roll torch.rot90 torch.swapaxes torch.swapdims torch.t torch.transpose"
    ),
    "padding": "F.pad torch.constant_pad_nd",
    "part": (
        ".chunk .dsplit .hsplit .narrow .select .split .split_with_sizes .tensor_split .unbind .unfold .vsplit "
        "torch.chunk torch.dsplit torch.hsplit torch.narrow torch.select torch.split torch.split_with_sizes "
        "torch.tensor_split torch.unbind torch.vsplit"
    ),
    "pooling": "F.avg_pool1d F.avg_pool2d F.avg_pool3d F.lp_pool1d F.lp_pool2d F.lp_pool3d torch.avg_pool1d",
    "products": (
        ".addbmm .addmm .addmv .addr .baddbmm .bmm .cross .dot .ger .kron .matmul .mm .mv .outer .vdot linalg.cross "
        "linalg.matmul linalg.multi_dot linalg.vecdot torch.addbmm torch.addmm torch.addmv torch.addr torch.baddbmm "
        "torch.bmm torch.chain_matmul torch.cross torch.dot torch.ger torch.kron torch.matmul torch.mm torch.mv "
        "torch.outer torch.vdot"
    ),
    "qr": ".qr linalg.qr torch.qr",
    "random": (
        "torch.normal torch.rand torch.rand_like torch.randint torch.randint_like torch.randn torch.randn_like "
        "torch.randperm"
    ),
    "reduce": ".mean .prod .sum torch.mean torch.prod torch.sum",
    "refill": ".bernoulli_ .cauchy_ .exponential_ .geometric_ .log_normal_ .normal_ .random_ .uniform_",
    "reflections": ".geqrf .orgqr .ormqr linalg.householder_product torch.geqrf torch.orgqr torch.ormqr",
    "resize": "F.interpolate F.upsample F.upsample_bilinear F.upsample_nearest",
    "rounding": (
        ".ceil .fix .floor .frac .round .trunc special.round torch.ceil torch.fix torch.floor torch.frac torch.round "
        "torch.trunc"
    ),
    "scan": ".cummax .cummin .cumprod .cumsum torch.cummax torch.cummin torch.cumprod torch.cumsum",
    "scatter": ".scatter .scatter_add .scatter_reduce torch.scatter torch.scatter_add torch.scatter_reduce",
    "search": (
        ".argwhere .nonzero .nonzero_static F.embedding F.one_hot torch.argwhere torch.bucketize torch.nonzero "
        "torch.nonzero_static torch.searchsorted"
    ),
    "shape": (
        ".broadcast_to .expand .expand_as .flatten .ravel .reshape .reshape_as .squeeze .unflatten .unsqueeze .view "
        ".view_as torch.atleast_1d torch.atleast_2d torch.atleast_3d torch.broadcast_tensors torch.broadcast_to "
        "torch.flatten torch.ravel torch.reshape torch.squeeze torch.unflatten torch.unsqueeze"
    ),
    "shuffle": (
        "F.channel_shuffle F.pixel_shuffle F.pixel_unshuffle torch.channel_shuffle torch.native_channel_shuffle "
        "torch.pixel_shuffle torch.pixel_unshuffle"
    ),
    "signalwindows": (
        "signal.windows.bartlett signal.windows.blackman signal.windows.cosine signal.windows.exponential "
        "signal.windows.gaussian signal.windows.general_cosine signal.windows.general_hamming signal.windows.hamming "
        "signal.windows.hann signal.windows.kaiser signal.windows.nuttall"
    ),
    "softmax": (
        ".log_softmax .logcumsumexp .logsumexp .softmax F.log_softmax F.softmax F.softmin special.log_softmax "
        "special.logsumexp special.softmax torch.log_softmax torch.logcumsumexp torch.logsumexp torch.softmax"
    ),
    "sort": (
        ".argsort .kthvalue .median .mode .msort .nanmedian .sort .topk .unique .unique_consecutive torch.argsort "
        "torch.kthvalue torch.median torch.mode torch.msort torch.nanmedian torch.sort torch.topk torch.unique "
        "torch.unique_consecutive"
    ),
    "special": (
        ".erf .erfc .erfinv .xlogy special.entr special.erf special.erfc special.erfcx special.erfinv special.log_ndtr "
        "special.ndtr special.ndtri special.xlog1py special.xlogy torch.erf torch.erfc torch.erfinv torch.xlogy"
    ),
    "statistics": (
        ".corrcoef .cov .nanmean .nanquantile .nansum .quantile .std .std_mean .var .var_mean torch.corrcoef torch.cov "
        "torch.nanmean torch.nanquantile torch.nansum torch.quantile torch.std torch.std_mean torch.var torch.var_mean"
    ),
    "svd": ".svd linalg.svd linalg.svdvals torch.svd",
    "tapers": "torch.bartlett_window torch.blackman_window torch.hamming_window torch.hann_window torch.kaiser_window",
    "tensordot": ".inner torch.inner torch.tensordot",
    "trig": (
        ".acos .acosh .arccos .arccosh .arcsin .arcsinh .arctan .arctan2 .arctanh .asin .asinh .atan .atan2 .atanh "
        ".cos .cosh .deg2rad .hypot .rad2deg .sin .sinc .sinh .tan .tanh F.tanh special.sinc torch.acos torch.acosh "
        "torch.arccos torch.arccosh torch.arcsin torch.arcsinh torch.arctan torch.arctan2 torch.arctanh torch.asin "
        "torch.asinh torch.atan torch.atan2 torch.atanh torch.cos torch.cosh torch.deg2rad torch.hypot torch.rad2deg "
        "torch.sin torch.sinc torch.sinh torch.tan torch.tanh"
    ),
    "vander": "linalg.vander torch.vander",
}
