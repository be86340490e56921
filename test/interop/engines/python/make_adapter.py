"""A small random LoRA adapter in PEFT's files: make_adapter.py ADAPTER MODEL SEED"""

import json
import os
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

RANK = 4
ALPHA = 16
TARGETS = ("q_proj", "v_proj")
# Wide enough that each token tells the adapter, narrow enough that logits stay a model's.
SPREAD = 0.08


def factors(base: str, rank: int) -> dict[str, torch.Tensor]:
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base))
    tensors = {}
    for name, layer in model.named_modules():
        if name.split(".")[-1] not in TARGETS:
            continue
        key = f"base_model.model.{name}"
        tensors[f"{key}.lora_A.weight"] = SPREAD * torch.randn(rank, layer.in_features)
        tensors[f"{key}.lora_B.weight"] = SPREAD * torch.randn(layer.out_features, rank)
    return {name: tensor.to(torch.bfloat16) for name, tensor in tensors.items()}


def main() -> None:
    adapter, model, seed = sys.argv[1:]
    torch.manual_seed(int(seed))
    os.makedirs(adapter, exist_ok=True)
    tensors = factors(model, RANK)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "tiny",
        "r": RANK,
        "lora_alpha": ALPHA,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(TARGETS),
    }
    with open(os.path.join(adapter, "adapter_config.json"), "w") as file:
        json.dump(config, file)
    save_file(tensors, os.path.join(adapter, "adapter_model.safetensors"))


if __name__ == "__main__":
    main()
