"""Computes again, in torch, which experts a mixture sends each position to.

Reads one JSON object from standard input and writes one:

    {"model": dir, "rollouts": [[ids of prompt and output]]}
    -> [{"experts": [position][layer][ids, the most probable first], "margins": [position][layer]}]

A margin is by how much the gate prefers the last expert that is chosen to the first that is not, in logits. No row for the
last token: nobody has run it forward.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM


def routed(model, tokens: list) -> dict:
    out = model(input_ids=torch.tensor([tokens[:-1]]), output_router_logits=True)
    # [layer][position, expert] -> [position, layer, expert]
    logits = torch.stack([layer.float() for layer in out.router_logits], dim=1)
    wanted = model.config.num_experts_per_tok
    values, ids = logits.topk(wanted + 1, dim=-1)
    margins = values[..., wanted - 1] - values[..., wanted]
    return {"experts": ids[..., :wanted].tolist(), "margins": margins.tolist()}


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    asked = json.load(sys.stdin)
    model = AutoModelForCausalLM.from_pretrained(asked["model"], dtype="auto").eval()
    json.dump([routed(model, tokens) for tokens in asked["rollouts"]], sys.stdout)


if __name__ == "__main__":
    main()
