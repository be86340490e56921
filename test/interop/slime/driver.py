"""slime's own rollout code, unmodified, against a server: driver.py HOST PORT TOKENIZER WEIGHTS… [--streaming].

Each of WEIGHTS is one training step's checkpoint: generate_rollout, then the calls of slime's updater from disk.
Says one JSON line a step on standard output.
"""

import argparse
import json
import sys
import tempfile
import types
from pathlib import Path

import requests
from slime.backends.sglang_utils.external import apply_external_engine_info_to_args
from slime.rollout.data_source import RolloutDataSourceWithBuffer
from slime.rollout.sglang_rollout import generate_rollout
from slime.utils import http_utils

BATCH, OVERSAMPLED, SAMPLES, LONGEST = 4, 8, 2, 300


async def reward(_args, sample, **_more):
    return float(sample.response_length % 2)


def namespace(given, prompts):
    """What generate_rollout reads of slime's arguments (49 attributes); defaults of its own parser otherwise."""
    module = types.ModuleType("paceline_reward")
    module.reward = reward
    sys.modules["paceline_reward"] = module
    return argparse.Namespace(
        hf_checkpoint=given.tokenizer,
        rollout_external_engine_addrs=[f"{given.host}:{given.port}"],
        sglang_router_ip=given.host,
        sglang_router_port=given.port,
        sglang_server_concurrency=64,
        sglang_dp_size=1,
        rollout_num_gpus_per_engine=1,
        use_distributed_post=False,
        router_policy="consistent_hashing",
        ci_test=True,
        rollout_temperature=3.0,
        rollout_top_p=1.0,
        rollout_top_k=-1,
        rollout_max_response_len=LONGEST,
        rollout_stop=None,
        rollout_stop_token_ids=None,
        rollout_skip_special_tokens=False,
        rollout_seed=7,
        rollout_shuffle=False,
        rollout_batch_size=BATCH,
        rollout_global_dataset=True,
        rollout_max_prompt_len=None,
        rollout_sample_filter_path=None,
        rollout_all_samples_process_path=None,
        over_sampling_batch_size=OVERSAMPLED,
        n_samples_per_prompt=SAMPLES,
        partial_rollout=True,
        mask_offpolicy_in_partial_rollout=False,
        group_rm=False,
        custom_generate_function_path=(
            "slime.rollout.sglang_streaming_rollout.generate_streaming" if given.streaming else None
        ),
        custom_rm_path="paceline_reward.reward",
        rm_type=None,
        reward_key=None,
        dynamic_sampling_filter_path=None,
        buffer_filter_path=None,
        use_rollout_routing_replay=False,
        num_layers=None,
        moe_router_topk=None,
        prompt_data=prompts,
        input_key="prompt",
        label_key="label",
        metadata_key="metadata",
        tool_key=None,
        multimodal_keys=None,
        apply_chat_template=False,
        apply_chat_template_kwargs={},
        dump_details=None,
        sglang_speculative_algorithm=None,
        rollout_sample_hook_path=None,
    )


def update(url, weights, version):
    """The calls of slime's SGLangEngine, in the order of its updater."""
    for method, path, body in (
        ("POST", "pause_generation", {}),
        ("GET", "flush_cache", None),
        ("POST", "update_weights_from_disk", {"model_path": weights, "weight_version": str(version)}),
        ("POST", "continue_generation", {}),
    ):
        requests.request(method, f"{url}/{path}", json=body).raise_for_status()
    named = requests.get(f"{url}/get_weight_version").json()["weight_version"]
    assert named == str(version), named


def count_posts():
    """Retries would hide refusals: each attempt is noted with its status."""
    statuses = []
    inner = http_utils._post

    async def counted(client, url, payload, max_retries=60, headers=None):
        class Noting:
            async def post(self, *args, **kwargs):
                response = await client.post(*args, **kwargs)
                statuses.append((url.rsplit("/", 1)[-1], response.status_code))
                return response

        return await inner(Noting(), url, payload, max_retries, headers=headers)

    http_utils._post = counted
    return statuses


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("tokenizer")
    parser.add_argument("weights", nargs="+")
    parser.add_argument("--streaming", action="store_true")
    given = parser.parse_args()
    url = f"http://{given.host}:{given.port}"
    with tempfile.TemporaryDirectory() as folder:
        prompts = Path(folder) / "prompts.jsonl"
        rows = [{"prompt": f"{i}+{i + 3}=", "label": str(2 * i + 3)} for i in range(10, 60)]
        prompts.write_text("".join(json.dumps(row) + "\n" for row in rows))
        args = namespace(given, str(prompts))
        apply_external_engine_info_to_args(args)
        requests.post(f"{url}/workers", json={"url": url, "worker_type": "regular"}).raise_for_status()
        statuses = count_posts()
        http_utils.init_http_client(args)
        source = RolloutDataSourceWithBuffer(args)
        for step, weights in enumerate(given.weights):
            update(url, weights, step + 1)
            before = {sample.index: sample.response_length for group in source.buffer for sample in group}
            out = generate_rollout(args, step, source)
            say(step, args, out, source, statuses, before)


def say(step, args, out, source, statuses, before):
    samples = [sample for group in out.samples for sample in group]
    for sample in samples:
        assert sample.response_length == len(sample.rollout_log_probs), sample
        assert len(sample.tokens) > sample.response_length
    kept = [sample for group in source.buffer for sample in group if sample.response_length > 0]
    # Those that were given tokens in this step. Of a stream that it cut off slime has no version.
    grown = [
        sample
        for sample in samples + kept
        if sample.response_length > before.get(sample.index, 0)
    ]
    print(
        json.dumps(
            {
                "step": step,
                "engines": args.rollout_num_engines,
                "gpus": args.rollout_num_gpus,
                "groups": len(out.samples),
                "statuses": [sample.status.value for sample in samples],
                "lengths": [sample.response_length for sample in samples],
                "versions": [sample.weight_versions for sample in samples],
                "grown": [
                    sample.weight_versions
                    for sample in grown
                    if sample in samples or not args.custom_generate_function_path
                ],
                "resumed": sum(
                    before.get(sample.index, 0) > 0 or len(sample.weight_versions) > 1 for sample in grown
                ),
                "texts": sum(bool(sample.response) for sample in samples),
                "kept": len(kept),
                "posts": len(statuses),
                "failed": [entry for entry in statuses if entry[1] != 200],
                "aborts": sum(path == "abort_request" for path, _ in statuses),
            }
        ),
        flush=True,
    )


main()
