"""
verifiers' train client (with the renderers package) against our vLLM dialect: many two-turn traces beside each other, while prime-rl's
update runs in their middle. Arguments: root URL, tokenizer directory, directory of the next weights. Prints one JSON line of counts.
"""
import asyncio
import importlib.metadata
import json
import math
import sys

import httpx
from renderers import Qwen3RendererConfig
from verifiers.v1.clients.eval import EvalClient
from verifiers.v1.clients.train import TrainClient
from verifiers.v1.configs.client import EvalClientConfig, TrainClientConfig
from verifiers.v1.dialects import ChatDialect
from verifiers.v1.errors import ProviderError
from verifiers.v1.graph import prepare_turn
from verifiers.v1.trace import Trace
from verifiers.v1.types import SamplingConfig, UserMessage

ROOT, TOKENIZER, NEXT_WEIGHTS = sys.argv[1:4]
TRACES = 16
counts = {"turns": 0, "bridged": 0, "tokens": 0, "refusals": 0, "updates": 0}


def client_of(kind, config, **more):
    return kind(config(base_url=f"{ROOT}/v1", api_key_var="NOBODY", **more))


train = client_of(
    TrainClient,
    TrainClientConfig,
    renderer=Qwen3RendererConfig(enable_thinking=False),
    renderer_model_name=TOKENIZER,
)


async def turn(trace, messages, salt, **more):
    pending = prepare_turn(trace, messages)
    sampling = SamplingConfig(**{"temperature": 1.0, "top_p": 1.0, "max_tokens": 24, "extra_body": {"cache_salt": salt}, **more})
    body = {"model": "default", "messages": []}
    reply = await train.get_response(ChatDialect(), body, sampling, session_id=trace.id, turn=pending)
    pending.commit(reply)
    tokens = reply.tokens
    assert len(tokens.completion_ids) == len(tokens.completion_logprobs) > 0
    assert all(math.isfinite(value) and value <= 0 for value in tokens.completion_logprobs)
    counts["turns"] += 1
    counts["bridged"] += tokens.bridged
    counts["tokens"] += len(tokens.completion_ids)
    return reply


async def trace_of(index, salt):
    trace = Trace.model_construct(id=f"trace-{salt}-{index}", nodes=[], tools=[], calls=[], mm_token_type_id_map={})
    messages = [UserMessage(content=f"{index}+25=")]
    first = await turn(trace, messages, salt)
    messages += [first.message, UserMessage(content="1+1=")]
    # Long enough to live through an update.
    second = await turn(trace, messages, salt, max_tokens=400, allowed_token_ids=list(range(48, 58)))
    seen = first.tokens.prompt_ids + first.tokens.completion_ids
    if second.tokens.bridged:
        assert second.tokens.prompt_ids[: len(seen)] == seen
    return trace.id


async def update(http):
    """prime-rl's order of calls, the answers read as it reads them."""
    for path, body in (
        ("/pause?mode=keep&clear_cache=false", None),
        ("/update_weights", {"weight_dir": NEXT_WEIGHTS}),
        ("/resume", None),
    ):
        reply = await http.post(ROOT + path, json=body)
        reply.raise_for_status()
    counts["updates"] += 1


async def main():
    async with httpx.AsyncClient(timeout=None) as http:
        for path in ("/health", "/liveness", "/v1/models"):
            (await http.get(ROOT + path)).raise_for_status()
        ids = await asyncio.gather(*(trace_of(i, "0") for i in range(TRACES)))
        *later, _ = await asyncio.gather(*(trace_of(i, "1") for i in range(TRACES)), update(http))
        for trace in (*ids, *later):
            (await http.post(f"{ROOT}/finish_session", params={"session_id": trace})).raise_for_status()
        overlong = Trace.model_construct(id="long", nodes=[], tools=[], calls=[], mm_token_type_id_map={})
        try:
            await turn(overlong, [UserMessage(content="1" * 3000)], "1")
        except ProviderError as error:
            assert error.status_code == 400, error
            counts["refusals"] += 1
        scored = await http.post(
            f"{ROOT}/inference/v1/generate",
            json={"model": "default", "token_ids": [49, 50, 51], "sampling_params": {"max_tokens": 1, "temperature": 1, "top_p": 1, "prompt_logprobs": 1}},
        )
        rows = scored.json()["prompt_logprobs"]
        # As prime-rl reads them: the first entry of each.
        assert rows[0] is None and all(next(iter(row.values()))["logprob"] < 0 for row in rows[1:]), rows
        names = (await http.get(f"{ROOT}/metrics")).text
        assert 'vllm:num_requests_running{engine="0"' in names
    evaluation = client_of(EvalClient, EvalClientConfig)
    body = {"model": "default", "messages": [{"role": "user", "content": "17+25="}], "max_tokens": 8}
    reply = await evaluation.get_response(ChatDialect(), body, SamplingConfig(), session_id="eval-1")
    assert reply.usage.completion_tokens > 0, reply
    counts["turns"] += 1
    versions = {name: importlib.metadata.version(name) for name in ("verifiers", "renderers")}
    print(json.dumps({**versions, **counts}))


asyncio.run(main())
