"""A tiny Qwen2 with random weights and a byte-level tokenizer: make_model.py DIRECTORY SEED

Random, but wide enough (initializer_range) that two seeds disagree by nats on every token.
"""

import pathlib
import sys

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

VOCABULARY = 2048
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def tokenizer() -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # The standard library is text that every Python has.
    sources = sorted(pathlib.Path(pathlib.__file__).parent.glob("[a-d]*.py"))
    bpe.train([str(source) for source in sources[:40]], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, eos_token=SPECIAL[2], pad_token=SPECIAL[0]
    )


def model(seed: int) -> Qwen2ForCausalLM:
    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=4096,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=2,
        pad_token_id=0,
        dtype="bfloat16",
        initializer_range=0.05,
    )
    return Qwen2ForCausalLM(config).to(torch.bfloat16)


if __name__ == "__main__":
    directory, seed = sys.argv[1], int(sys.argv[2])
    model(seed).save_pretrained(directory)
    tokenizer().save_pretrained(directory)
