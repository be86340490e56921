"""
prime-rl's own orchestrator client against our vLLM dialect: readiness, updates under load, its parser of our metrics, its LoRA call.
Arguments: root URL, directories of weights, one a step. Says one JSON line.
"""
import asyncio
import json
import sys
import types
from pathlib import Path

import httpx

# Only for logging of its own; the second would pull in torch.
sys.modules["wandb"] = types.ModuleType("wandb")
sys.modules["prime_rl.utils.utils"] = types.ModuleType("utils")
sys.modules["prime_rl.utils.utils"].format_num = str

from prime_rl.configs.shared import ClientConfig
from prime_rl.orchestrator.inference_metrics import parse_prometheus_text
from prime_rl.utils.client import InferencePool

ROOT, *DIRECTORIES = sys.argv[1:]
PROMPT = [49, 55, 43, 50, 53, 61]


TOKENS = 600


def asked(**more):
    sampling = {"max_tokens": TOKENS, "temperature": 1.0, "logprobs": 1, "ignore_eos": True}
    return {"model": "default", "token_ids": PROMPT, "sampling_params": sampling, "cache_salt": "0", **more}


async def request(http, index):
    body = asked()
    reply = await http.post(f"{ROOT}/inference/v1/generate", json=body, headers={"X-Session-ID": f"t-{index}"})
    reply.raise_for_status()
    (choice,) = reply.json()["choices"]
    assert len(choice["token_ids"]) == len(choice["logprobs"]["content"]) == TOKENS, choice["finish_reason"]
    return [span["version"] for span in choice["weight_versions"]]


async def main():
    pool = InferencePool(ClientConfig(base_url=f"{ROOT}/v1"), "default")
    await pool.wait_for_ready("default")
    seen = []
    async with httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=64)) as http:
        for step, directory in enumerate(DIRECTORIES, start=1):
            requests = [asyncio.ensure_future(request(http, f"{step}-{i}")) for i in range(16)]
            # The engines are at work once one of them streams.
            async with http.stream("POST", f"{ROOT}/inference/v1/generate", json=asked(stream=True)) as stream:
                await anext(stream.aiter_lines())
                await pool.update_weights(Path(directory), step=step)
            seen += await asyncio.gather(*requests)
        engines = parse_prometheus_text((await http.get(f"{ROOT}/metrics")).text)
    try:
        await pool.update_weights(Path(DIRECTORIES[0]), lora_name="adapter", step=9)
        lora = 200
    except httpx.HTTPStatusError as error:
        lora = error.response.status_code
    await pool.stop()
    gauges = {name: sorted(engine.gauges) for name, engine in engines.items()}
    cache = {name: engine.cache_config["kv_cache_size_tokens"] for name, engine in engines.items()}
    print(json.dumps({"updates": len(DIRECTORIES), "versions": seen, "gauges": gauges, "cache": cache, "lora": lora}))


asyncio.run(main())
