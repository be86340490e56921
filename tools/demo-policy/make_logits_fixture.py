#!/usr/bin/env python3
"""Write what the engine's tests compare with: logits and greedy continuations of Hugging Face transformers.

Two models, both computed in float32 from exactly the values that their files hold, with eager attention:

    demo-policy   server/engine/demo-policy/step-1: BF16, tied embeddings, rope_parameters as transformers 5 writes them
    tiny-llama    test/server/engine/fixtures/tiny-llama: random weights, written here. F32, F16 and BF16 tensors
                  mixed in one file, an lm_head of its own, hidden_size != heads * head_dim, rope_theta 500000 at the top level of
                  the config as transformers 4 wrote it

Output: test/server/engine/fixtures/logits.json, fields explained by FIELDS below. To remake it (Python 3.11, seconds;
from the repository's root, after every training of the demo policy):

    python3 -m venv /tmp/demo-policy
    /tmp/demo-policy/bin/pip install torch==2.13.0 transformers==5.19.0
    /tmp/demo-policy/bin/python tools/demo-policy/make_logits_fixture.py
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, __version__ as transformers_version

REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = Path("server/engine/demo-policy/step-1")
FIXTURES = Path("test/server/engine/fixtures")
TINY = FIXTURES / "tiny-llama"

RANDOM_LENGTHS = (1, 7, 33, 130)
CONTINUED_TOKENS = 16
CONTINUED_LENGTH = 33  # longer prompts are not continued
WORST_ROUNDING = 2.5e-5  # a quarter of the tests' tolerance of 1e-4: a case that float32 itself misses by more tests luck
FULL_POSITIONS = 2  # the last ones of a prompt, whose logits are stored whole

FIELDS = {
    "models[].path": "folder of the weights, from the repository's root",
    "models[].cases[].prompt": "token ids; position p of what follows is the distribution after prompt[0..p]",
    "cases[].argmax, top, logsumexp": "one entry a position: the greatest logit's id, its value, and log(sum(exp(logits)))",
    "cases[].rounding": "the greatest distance of these float32 logits, at any position, from the same model in float64",
    "cases[].logits": "all logits at a few positions, by position",
    "cases[].greedy": "absent, or the greedy continuation: ids, the logprob of each, and margin, the least distance between "
    "the two greatest logits in it (a computation that errs by less than half of it makes the same ids)",
}

TINY_CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": 24,
    "hidden_act": "silu",
    "hidden_size": 64,
    "initializer_range": 0.02,
    "intermediate_size": 112,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pad_token_id": 0,
    "rms_norm_eps": 1e-06,
    "rope_scaling": None,
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "use_cache": True,
    "vocab_size": 272,
}


def write_tiny_llama(folder: Path, seed: int) -> None:
    """Random weights, large enough that attention is not uniform; the dtype changes from tensor to tensor."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(TINY_CONFIG, indent=2) + "\n")
    generator = torch.Generator().manual_seed(seed)
    dtypes = (torch.bfloat16, torch.float16, torch.float32)
    tensors = {}
    shapes = {name: tensor.shape for name, tensor in LlamaForCausalLM(LlamaConfig(**TINY_CONFIG)).state_dict().items()}
    for index, (name, shape) in enumerate(sorted(shapes.items())):
        noise = torch.randn(shape, generator=generator)
        if "norm" in name:
            values = 1 + 0.2 * noise
        elif "embed" in name:
            values = noise
        else:
            values = noise * 1.5 / shape[1] ** 0.5
        tensors[name] = values.to(dtypes[index % 3])
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def load(folder: Path) -> LlamaForCausalLM:
    """Built from the file's tensors by hand, so that nothing but an upcast can happen to them."""
    config = LlamaConfig(**json.loads((folder / "config.json").read_text()))
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).float().eval()
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        stored = {name: file.get_tensor(name).float() for name in file.keys()}
    missing, unexpected = model.load_state_dict(stored, strict=False)
    tied = ["lm_head.weight"] if config.tie_word_embeddings else []
    assert missing == tied and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model


class ExactRotary(torch.nn.Module):
    """Rotary angles in float64; transformers computes them in float32 whatever the model's dtype."""

    def __init__(self, config: LlamaConfig) -> None:
        super().__init__()
        exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float64) / config.head_dim
        self.frequencies = config.rope_parameters["rope_theta"] ** -exponents

    def forward(self, hidden: torch.Tensor, position_ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        angles = position_ids[:, :, None].double() * self.frequencies
        angles = torch.cat((angles, angles), -1)
        return angles.cos(), angles.sin()


def load_exact(folder: Path) -> LlamaForCausalLM:
    """The same model in float64, to know how far float32 itself is off."""
    model = load(folder).double()
    model.model.rotary_emb = ExactRotary(model.config)
    return model


def printed(value: float) -> float:
    """Nine significant digits: enough to give a float32 back exactly."""
    return float(f"{value:.9g}")


@torch.no_grad()
def logits_of(model: LlamaForCausalLM, ids: list[int]) -> torch.Tensor:
    return model(torch.tensor([ids]), use_cache=False).logits[0]


def continuation(model: LlamaForCausalLM, prompt: list[int]) -> dict:
    ids = list(prompt)
    logprobs = []
    margin = float("inf")
    for _ in range(CONTINUED_TOKENS):
        logits = logits_of(model, ids)[-1]
        first, second = logits.topk(2).values.tolist()
        margin = min(margin, first - second)
        following = int(logits.argmax())
        logprobs.append(printed(logits.log_softmax(-1)[following].item()))
        ids.append(following)
    return {"ids": ids[len(prompt) :], "logprobs": logprobs, "margin": printed(margin)}


def case_of(model: LlamaForCausalLM, exact: LlamaForCausalLM, name: str, prompt: list[int]) -> dict:
    logits = logits_of(model, prompt)
    assert logits.dtype == torch.float32 and logits.isfinite().all()
    rounding = (logits - logits_of(exact, prompt)).abs().max().item()
    assert rounding < WORST_ROUNDING, f"{name}: float32 is {rounding:.1e} from float64"
    top = logits.max(-1)
    last = len(prompt) - 1
    whole = sorted({0, *range(max(0, len(prompt) - FULL_POSITIONS), len(prompt)), last // 2})
    case = {
        "name": name,
        "prompt": prompt,
        "rounding": printed(rounding),
        "argmax": top.indices.tolist(),
        "top": [printed(value) for value in top.values.tolist()],
        "logsumexp": [printed(value) for value in logits.logsumexp(-1).tolist()],
        "logits": {position: [printed(value) for value in logits[position].tolist()] for position in whole},
    }
    if len(prompt) <= CONTINUED_LENGTH:
        case["greedy"] = continuation(model, prompt)
    return case


def random_prompts(vocabulary: int, seed: int) -> dict[str, list[int]]:
    generator = torch.Generator().manual_seed(seed)
    return {f"random-{length}": torch.randint(0, vocabulary, (length,), generator=generator).tolist() for length in RANDOM_LENGTHS}


def sums(count: int, seed: int) -> list[int]:
    """A prompt like a training row. Far longer ones are ill-conditioned: float32 itself is 1e-4 off at 180 tokens."""
    generator = torch.Generator().manual_seed(seed)
    ids: list[int] = []
    for left, right in torch.randint(0, 100, (count, 2), generator=generator).tolist():
        ids += [*f"{left}+{right}={left + right}".encode(), 257]
    return ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7, help="of the tiny model's weights and of the prompts (default 7)")
    parser.add_argument("--out", type=Path, default=REPOSITORY, help="root under which the fixtures are written (default: the repository)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    write_tiny_llama(arguments.out / TINY, arguments.seed)

    demo_prompts = {"17+25=": list(b"17+25="), "7+5=": list(b"7+5="), "99+99=": list(b"99+99="), "sums": sums(4, arguments.seed)}
    sources = (
        ("demo-policy", DEMO, REPOSITORY / DEMO, demo_prompts | random_prompts(260, arguments.seed)),
        ("tiny-llama", TINY, arguments.out / TINY, random_prompts(TINY_CONFIG["vocab_size"], arguments.seed + 1)),
    )
    models = []
    for name, path, folder, prompts in sources:
        model, exact = load(folder), load_exact(folder)
        cases = [case_of(model, exact, case, prompt) for case, prompt in prompts.items()]
        for case in cases:
            margin = case["greedy"]["margin"] if "greedy" in case else None
            print(f"{name:12s} {case['name']:12s} {len(case['prompt']):4d} tokens, rounding {case['rounding']:.1e}, greedy margin {margin}")
        models.append({"name": name, "path": path.as_posix(), "cases": cases})
    made_with = {"torch": torch.__version__.split("+")[0], "transformers": transformers_version, "dtype": "float32", "attention": "eager"}
    output = arguments.out / FIXTURES / "logits.json"
    output.write_text(json.dumps({"made_with": made_with, "fields": FIELDS, "models": models}, separators=(",", ":")) + "\n")
    print(f"{output}: {output.stat().st_size:,} bytes; tiny-llama {(arguments.out / TINY / 'model.safetensors').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
