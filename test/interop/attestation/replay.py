"""Computes again, in torch, what an engine must have computed if it did what its spans claim.

Reads one JSON object from standard input and writes one:

    {"rollouts": [{"prompt": [ids], "output": [ids], "sampling": {...}, "phases": [{"model": dir, "end": n, "fresh": bool}]}]}
    -> [{"raw": [...], "penalised": [...], "tempered": [...], "processed": [...]}]

A phase makes the output tokens up to `end`. One that is `fresh` computes the whole context again under its own weights
(an update that drops KV); one that is not goes on over the KV that earlier phases left (an update in place). The KV of
the last token before the boundary is the new phase's: engines stand still between two steps, and a step computes
the KV of the token that the one before it has sampled.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, DynamicCache

MODES = ("raw", "penalised", "tempered", "processed")


class Models:
    def __init__(self):
        self._loaded = {}

    def __getitem__(self, directory: str):
        if directory not in self._loaded:
            model = AutoModelForCausalLM.from_pretrained(directory, dtype="auto")
            self._loaded[directory] = model.eval()
        return self._loaded[directory]


def logits_of(models: Models, rollout: dict) -> torch.Tensor:
    """Row i: the logits that output token i was sampled from, float32."""
    tokens = rollout["prompt"] + rollout["output"]
    prompt = len(rollout["prompt"])
    rows, cache, known = [], DynamicCache(), 0
    begin = 0
    for phase in rollout["phases"]:
        end = phase["end"]
        if end == begin:
            continue
        if phase.get("fresh"):
            cache, known = DynamicCache(), 0
        upto = prompt + end - 1
        step = torch.tensor([tokens[known:upto]])
        out = models[phase["model"]](input_ids=step, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        # The last `end - begin` positions of this step sampled them.
        rows.append(out.logits[0, -(end - begin) :].float())
        known, begin = upto, end
    return torch.cat(rows)


def modes_of(logits: torch.Tensor, rollout: dict) -> dict:
    sampling = rollout.get("sampling", {})
    output = rollout["output"]
    counts = torch.zeros(logits.shape[-1])
    told = {mode: [] for mode in MODES}
    for row, token in zip(logits, output, strict=True):
        for mode, value in distribution(row, counts, sampling).items():
            # JSON has no infinity; a token that a filter forbids is this far away.
            told[mode].append(max(value[token].item(), -1e9))
        counts[token] += 1
    return told


def distribution(row: torch.Tensor, counts: torch.Tensor, sampling: dict) -> dict:
    frequency = sampling.get("frequency_penalty", 0)
    presence = sampling.get("presence_penalty", 0)
    penalised = row - frequency * counts - presence * (counts > 0)
    temperature = sampling.get("temperature", 1) or 1
    tempered = torch.log_softmax(penalised / temperature, dim=-1)
    return {
        "raw": torch.log_softmax(row, dim=-1),
        "penalised": torch.log_softmax(penalised, dim=-1),
        "tempered": tempered,
        "processed": filtered(tempered, sampling),
    }


def filtered(logprobs: torch.Tensor, sampling: dict) -> torch.Tensor:
    ranked, order = logprobs.exp().sort(descending=True)
    before = ranked.cumsum(-1) - ranked
    keep = before <= sampling.get("top_p", 1)
    if (top_k := sampling.get("top_k", 0)) > 0:
        # Logits of low precision tie, and engines keep all that tie with the last.
        keep &= ranked >= ranked[top_k - 1]
    keep &= ranked >= ranked[0] * sampling.get("min_p", 0)
    kept = torch.full_like(logprobs, float("-inf"))
    kept[order[keep]] = logprobs[order[keep]]
    return torch.log_softmax(kept, dim=-1)


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    models = Models()
    rollouts = json.load(sys.stdin)["rollouts"]
    json.dump([modes_of(logits_of(models, rollout), rollout) for rollout in rollouts], sys.stdout)


if __name__ == "__main__":
    main()
