"""miles' own rollout code and session server, unmodified, against a server: driver.py HOST PORT TOKENIZER.

Two steps of generate_rollout, then a session of two turns through its session server. Says one JSON line each.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import types
from pathlib import Path

import httpx
from miles.rollout.data_source import RolloutDataSourceWithBuffer
from miles.rollout.session.session_server import SessionServer
from miles.rollout.sglang_rollout import generate_rollout
from miles.utils import http_utils

BATCH, OVERSAMPLED, SAMPLES, LONGEST = 4, 8, 2, 300
TEMPLATE = (
    "{% for m in messages %}{{ m.content }}"
    "{% if m.role == 'assistant' %}<|eos|>{% endif %}{% endfor %}"
)


class Given(argparse.Namespace):
    """What nobody set is None, as most of miles' arguments are."""

    def __getattr__(self, _name):
        if _name.startswith("__"):
            raise AttributeError(_name)
        return None


async def reward(_args, sample, **_more):
    return float(sample.response_length % 2)


def arguments(given, prompts, template):
    module = types.ModuleType("paceline_reward")
    module.reward = reward
    sys.modules["paceline_reward"] = module
    return Given(
        hf_checkpoint=given.tokenizer,
        chat_template_path=template,
        sglang_router_ip=given.host,
        sglang_router_port=given.port,
        sglang_server_concurrency=64,
        sglang_router_policy="consistent_hashing",
        rollout_num_gpus=1,
        rollout_num_gpus_per_engine=1,
        use_distributed_post=False,
        use_miles_router=False,
        ci_test=True,
        rollout_temperature=3.0,
        rollout_top_p=1.0,
        rollout_top_k=-1,
        rollout_max_response_len=LONGEST,
        rollout_skip_special_tokens=False,
        rollout_seed=7,
        rollout_shuffle=False,
        rollout_batch_size=BATCH,
        rollout_global_dataset=True,
        over_sampling_batch_size=OVERSAMPLED,
        n_samples_per_prompt=SAMPLES,
        partial_rollout=True,
        mask_offpolicy_in_partial_rollout=False,
        group_rm=False,
        custom_rm_path="paceline_reward.reward",
        use_rollout_routing_replay=False,
        lora_rank=0,
        prompt_data=prompts,
        input_key="prompt",
        label_key="label",
        metadata_key="metadata",
        apply_chat_template=False,
        apply_chat_template_kwargs={},
        tito_model="default",
        tito_allowed_append_roles=["user", "tool"],
        miles_router_timeout=60.0,
    )


async def converse(args, url):
    server = SessionServer(args, url)
    transport = httpx.ASGITransport(app=server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://session", timeout=60) as client:
        session = (await client.post("/sessions")).json()["session_id"]
        messages, turns = [], []
        for question in ("17+25=", "30+41="):
            messages.append({"role": "user", "content": question})
            reply = await client.post(
                f"/sessions/{session}/v1/chat/completions",
                json={"model": "m", "messages": messages, "max_tokens": 16, "temperature": 0},
                headers={"X-SMG-Routing-Key": session},
            )
            reply.raise_for_status()
            choice = reply.json()["choices"][0]
            messages.append({"role": "assistant", "content": choice["message"]["content"]})
            meta = choice["meta_info"]
            turns.append(
                {
                    "text": choice["message"]["content"],
                    "tokens": [entry[1] for entry in meta["output_token_logprobs"]],
                    "prompt": meta["prompt_tokens"],
                    "version": meta["weight_version"],
                }
            )
        kept = (await client.get(f"/sessions/{session}")).json()["metadata"]["accumulated_token_ids"]
        await server.client.aclose()
    print(json.dumps({"session": turns, "accumulated": kept}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("tokenizer")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "template.jinja"
        template.write_text(TEMPLATE)
        prompts = Path(folder) / "prompts.jsonl"
        rows = [{"prompt": f"{i}+{i + 3}=", "label": str(2 * i + 3)} for i in range(10, 60)]
        prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
        args = arguments(given, str(prompts), str(template))
        http_utils.init_http_client(args)
        source = RolloutDataSourceWithBuffer(args)
        for step in range(2):
            out = generate_rollout(args, step, source)
            say(step, out, source)
        asyncio.run(converse(args, f"http://{given.host}:{given.port}"))


def say(step, out, source):
    samples = [sample for group in out.samples for sample in group]
    for sample in samples:
        assert sample.response_length == len(sample.rollout_log_probs), sample
    kept = [sample for group in source.buffer for sample in group if sample.response_length > 0]
    print(
        json.dumps(
            {
                "step": step,
                "groups": len(out.samples),
                "statuses": [sample.status.value for sample in samples],
                "lengths": [sample.response_length for sample in samples],
                "kept": len(kept),
            }
        ),
        flush=True,
    )


main()
