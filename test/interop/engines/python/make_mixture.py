"""A tiny Qwen3 mixture with random weights, and make_model.py's tokenizer: make_mixture.py DIRECTORY SEED"""

import sys

import torch
from make_model import VOCABULARY, tokenizer
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

# Random gates hardly prefer any expert; these so much that rounding seldom decides.
GATE = 8


def mixture(seed: int) -> Qwen3MoeForCausalLM:
    torch.manual_seed(seed)
    config = Qwen3MoeConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        moe_intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=32,
        num_experts=8,
        num_experts_per_tok=2,
        norm_topk_prob=True,
        decoder_sparse_step=1,
        mlp_only_layers=[],
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
        dtype="bfloat16",
        initializer_range=0.05,
    )
    model = Qwen3MoeForCausalLM(config).to(torch.bfloat16)
    for layer in model.model.layers:
        layer.mlp.gate.weight.data *= GATE
    return model


if __name__ == "__main__":
    directory, seed = sys.argv[1], int(sys.argv[2])
    mixture(seed).save_pretrained(directory)
    tokenizer().save_pretrained(directory)
