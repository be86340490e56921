"""What a mixture model needs of a GPU's, done as SGLang itself does it elsewhere: the best experts by its own code in torch, and not by
a kernel that was compiled; memory on the host that no driver is told of."""


def choose(topk):
    native = topk.fused_topk_torch_native

    def fused_topk(
        hidden_states, gating_output, topk, renormalize, correction_bias=None, scoring_func="softmax", **rest
    ):
        wanted = {name: value for name, value in rest.items() if value not in (None, False, 0)}
        if wanted:
            raise NotImplementedError(f"torch alone has no {wanted}")
        return native(hidden_states, gating_output, topk, renormalize, correction_bias, scoring_func)

    topk.fused_topk = fused_topk


def unpinned(common):
    def allocate(dims, dtype, device, pin_memory, allocator, registration_granularity_bytes=None):
        return common.alloc_with_host_register(dims, dtype, device, False, allocator)

    common.ALLOC_MEMORY_FUNCS["cpu"] = allocate


CHANGES = {"sglang.srt.layers.moe.topk": choose, "sglang.srt.mem_cache.pool_host.common": unpinned}
