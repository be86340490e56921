#!/usr/bin/env python3
"""Train the demo policy: a Llama-shaped transformer of 0.8 M parameters that adds two numbers, byte by byte.

    prompt  17+25=      answer  42<|eos|>

It leaves two checkpoints of one training run, in Hugging Face's layout, BF16:

    server/engine/demo-policy/step-1   half-trained on purpose: about half of its answers are right
    server/engine/demo-policy/step-2   the same run, later: most of its answers are right

so that a first rollout has something to get wrong, and a first published version something to improve.

To reproduce (Python 3.11, one core, under five minutes; from the repository's root):

    python3 -m venv /tmp/demo-policy
    /tmp/demo-policy/bin/pip install torch==2.13.0 transformers==5.19.0
    /tmp/demo-policy/bin/python tools/demo-policy/train.py

The run is seeded and single-threaded. The same processor and library versions give the same files; another
processor may round differently, and stop some steps earlier or later. Use --out to leave the committed files alone.

Tokens: the id of a byte is its value; 256 <|bos|>, 257 <|eos|>, 258 <|pad|>, 259 reserved. Nothing is put before a prompt.
A training row is several sums joined by <|eos|>, so that a policy told to ignore <|eos|> goes on with sums of its own.
Held out: 2,000 of the 8,100 pairs of two-digit numbers, never trained on. Half of them decide when a checkpoint is saved;
the other half is looked at once, by --measure and at the end, so that its accuracies are of problems that chose nothing.
"""

import argparse
import json
import math
import time
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM
from transformers.utils import logging

BOS, EOS, PAD, RESERVED = 256, 257, 258, 259
SPECIAL_TOKENS = {BOS: "<|bos|>", EOS: "<|eos|>", PAD: "<|pad|>", RESERVED: "<|reserved|>"}
MAX_POSITIONS = 2048

ROW_TOKENS = 40
HELD_OUT = 2000  # half to choose the checkpoints by, half to report
QUESTION_WEIGHT = 0.05  # of a question's tokens in the loss; they are random, so there is little to learn from them
ANSWER_TOKENS = 4  # up to three digits and <|eos|>
MEASURED_SAMPLES = 4  # a problem, at temperature 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    repository = Path(__file__).resolve().parents[2]
    parser.add_argument("--out", type=Path, default=repository / "server/engine/demo-policy", help="folder for step-1 and step-2")
    parser.add_argument("--seed", type=int, default=1, help="of weights, data and sampling (default 1)")
    parser.add_argument("--steps", type=int, default=3000, help="optimizer steps, also the length of the learning-rate schedule (default 3000)")
    parser.add_argument("--batch", type=int, default=32, help="rows of 40 tokens in a step (default 32)")
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate (default 2e-3)")
    parser.add_argument("--first", type=float, default=0.35, help="save step-1 once this share is right at temperature 1 (default 0.35)")
    parser.add_argument("--second", type=float, default=0.85, help="save step-2 and stop once this share is right at temperature 1 (default 0.85)")
    parser.add_argument("--evaluate-every", type=int, default=25, help="steps between two measurements (default 25)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1; more may change the result)")
    parser.add_argument("--measure", action="store_true", help="train nothing: measure the checkpoints in --out")
    return parser.parse_args()


# --- problems -----------------------------------------------------------------------------------------------------


def held_out_problems(seed: int) -> list[tuple[int, int]]:
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(90 * 90, generator=generator)[:HELD_OUT].tolist()
    return [(10 + index // 90, 10 + index % 90) for index in chosen]


class Problems:
    """Endless training rows: pairs of one- and two-digit numbers that are not held out."""

    def __init__(self, held_out: list[tuple[int, int]], seed: int) -> None:
        self.held_out = set(held_out)
        self.generator = torch.Generator().manual_seed(seed + 1)

    def operands(self, count: int) -> list[int]:
        """Two digits four times in five, else one."""
        long = torch.rand(count, generator=self.generator) < 0.8
        values = torch.where(
            long,
            torch.randint(10, 100, (count,), generator=self.generator),
            torch.randint(0, 10, (count,), generator=self.generator),
        )
        return values.tolist()

    def rows(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids, and the weight of each in the loss, both [count, ROW_TOKENS]."""
        ids = torch.full((count, ROW_TOKENS), PAD)
        weights = torch.zeros((count, ROW_TOKENS))
        for row in range(count):
            tokens: list[int] = []
            loss: list[float] = []
            while len(tokens) < ROW_TOKENS:
                left, right = self.operands(2)
                if (left, right) in self.held_out:
                    continue
                question = question_ids(left, right)
                answer = [*str(left + right).encode(), EOS]
                tokens += question + answer
                loss += [QUESTION_WEIGHT] * len(question) + [1.0] * len(answer)
            ids[row] = torch.tensor(tokens[:ROW_TOKENS])
            weights[row] = torch.tensor(loss[:ROW_TOKENS])
        return ids, weights


def question_ids(left: int, right: int) -> list[int]:
    return list(f"{left}+{right}=".encode())


@torch.no_grad()
def accuracy(model: LlamaForCausalLM, problems: list[tuple[int, int]], temperature: float, seed: int = 0) -> float:
    """The share answered exactly, <|eos|> included. All prompts have six tokens, so they make one batch."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.tensor([question_ids(left, right) for left, right in problems])
    start = ids.shape[1]
    for _ in range(ANSWER_TOKENS):
        logits = model(ids, use_cache=False).logits[:, -1].float()
        if temperature == 0:
            following = logits.argmax(-1, keepdim=True)
        else:
            following = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)
        ids = torch.cat([ids, following], 1)
    right = 0
    for (a, b), output in zip(problems, ids[:, start:].tolist()):
        expected = [*str(a + b).encode(), EOS]
        right += output[: len(expected)] == expected
    return right / len(problems)


# --- files --------------------------------------------------------------------------------------------------------


def byte_characters() -> list[str]:
    """The printable character that stands for each byte in a byte-level BPE vocabulary (GPT-2's table)."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) if byte in printable else chr(256 + others.index(byte)) for byte in range(256)]


def tokenizer_json() -> dict:
    def byte_level(trim: bool) -> dict:
        return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": trim, "use_regex": False}

    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": id, "content": text, **flags} for id, text in SPECIAL_TOKENS.items()],
        "normalizer": None,
        "pre_tokenizer": byte_level(trim=False),
        "post_processor": None,
        "decoder": byte_level(trim=False),
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {character: byte for byte, character in enumerate(byte_characters())},
            "merges": [],
        },
    }


def tokenizer_config_json() -> dict:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": SPECIAL_TOKENS[BOS],
        "eos_token": SPECIAL_TOKENS[EOS],
        "pad_token": SPECIAL_TOKENS[PAD],
        "add_bos_token": False,
        "add_eos_token": False,
        "clean_up_tokenization_spaces": False,
        "model_max_length": MAX_POSITIONS,
        "chat_template": (
            "{% for message in messages %}{{ '<|bos|>' + message['role'] + '\\n' + message['content'] + '<|eos|>\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|bos|>assistant\\n' }}{% endif %}"
        ),
    }


def create_model(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=260,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=MAX_POSITIONS,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        initializer_range=0.05,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    return LlamaForCausalLM(config)


def rounded(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """What a checkpoint will hold: the weights rounded to BF16, computed with in float32."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict({name: tensor.bfloat16().float() for name, tensor in model.state_dict().items()})
    return copy.eval()


def save(model: LlamaForCausalLM, folder: Path) -> None:
    copy = rounded(model).to(torch.bfloat16)
    copy.generation_config = GenerationConfig(bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD, do_sample=True, temperature=1.0)
    copy.save_pretrained(folder)
    for name, content in (("tokenizer.json", tokenizer_json()), ("tokenizer_config.json", tokenizer_config_json())):
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


# --- training -----------------------------------------------------------------------------------------------------


def learning_rate(step: int, arguments: argparse.Namespace) -> float:
    """Linear warm-up over 100 steps, then a cosine to a tenth."""
    warm = min(1.0, (step + 1) / 100)
    return arguments.lr * warm * (0.55 + 0.45 * math.cos(math.pi * step / arguments.steps))


def weighted_loss(model: LlamaForCausalLM, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    logits = model(ids, use_cache=False).logits[:, :-1]
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    weight = weights[:, 1:].flatten()
    return (losses * weight).sum() / weight.sum()


def measure(arguments: argparse.Namespace) -> None:
    """The saved files on the half of the held-out problems that chose nothing."""
    unseen = held_out_problems(arguments.seed)[HELD_OUT // 2 :]
    for name in ("step-1", "step-2"):
        model = LlamaForCausalLM.from_pretrained(arguments.out / name, dtype=torch.float32).eval()
        greedy = accuracy(model, unseen, temperature=0)
        sampled = sum(accuracy(model, unseen, temperature=1, seed=seed) for seed in range(MEASURED_SAMPLES)) / MEASURED_SAMPLES
        print(f"{name}: of {len(unseen)} unseen problems, greedy {greedy:.1%}, temperature 1 {sampled:.1%} ({MEASURED_SAMPLES} samples each)")


def train(arguments: argparse.Namespace) -> None:
    held_out = held_out_problems(arguments.seed)
    watched = held_out[: HELD_OUT // 2]
    problems = Problems(held_out, arguments.seed)
    model = create_model(arguments.seed)
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    optimizer = torch.optim.AdamW(model.parameters(), lr=arguments.lr, betas=(0.9, 0.98), weight_decay=0.05)
    began = time.monotonic()
    saved_first = False
    running = None
    for step in range(1, arguments.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step - 1, arguments)
        loss = weighted_loss(model, *problems.rows(arguments.batch))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running = loss.item() if running is None else 0.95 * running + 0.05 * loss.item()
        if step % arguments.evaluate_every != 0 and step != arguments.steps:
            continue
        checkpoint = rounded(model)
        greedy = accuracy(checkpoint, watched, temperature=0)
        sampled = accuracy(checkpoint, watched, temperature=1)
        elapsed = time.monotonic() - began
        print(f"step {step:5d}  loss {running:.4f}  greedy {greedy:.1%}  temperature 1 {sampled:.1%}  {elapsed:.0f} s", flush=True)
        if not saved_first and sampled >= arguments.first:
            save(model, arguments.out / "step-1")
            saved_first = True
            print(f"saved step-1 after {step} steps")
        if sampled >= arguments.second or step == arguments.steps:
            save(model, arguments.out / "step-2")
            print(f"saved step-2 after {step} steps")
            return


def main() -> None:
    arguments = parse_arguments()
    torch.set_num_threads(arguments.threads)
    torch.use_deterministic_algorithms(True)
    logging.disable_progress_bar()
    if not arguments.measure:
        train(arguments)
    measure(arguments)


if __name__ == "__main__":
    main()
