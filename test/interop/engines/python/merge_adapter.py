"""A checkpoint in float32, with a LoRA adapter's change added to its weights: merge_adapter.py OUT MODEL [ADAPTER]"""

import json
import os
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def add(model: torch.nn.Module, adapter: str) -> None:
    with open(os.path.join(adapter, "adapter_config.json")) as file:
        config = json.load(file)
    scale = config["lora_alpha"] / config["r"]
    tensors = load_file(os.path.join(adapter, "adapter_model.safetensors"))
    for name, below in tensors.items():
        if not name.endswith(".lora_A.weight"):
            continue
        above = tensors[name.replace(".lora_A.", ".lora_B.")]
        layer = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
        model.get_submodule(layer).weight += scale * (above.float() @ below.float())


@torch.inference_mode()
def main() -> None:
    out, base, *adapters = sys.argv[1:]
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    for adapter in adapters:
        add(model, adapter)
    model.save_pretrained(out)


if __name__ == "__main__":
    main()
