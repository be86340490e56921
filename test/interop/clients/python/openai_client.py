"""The `openai` package against our OpenAI dialect. Arguments: base URL. Prints one JSON line of counts; any failure raises."""
import asyncio
import json
import sys

import openai

BASE = sys.argv[1]
TEXT = "17+25="
PROMPT = [ord(c) for c in TEXT]
client = openai.OpenAI(base_url=BASE, api_key="EMPTY", max_retries=0)
counts = {"calls": 0, "tokens": 0, "streams": 0, "refusals": 0}


def counted(reply):
    counts["calls"] += 1
    counts["tokens"] += reply.usage.completion_tokens
    return reply


def models():
    (model, *_) = client.models.list().data
    assert model.max_model_len == 2048, model
    return model.id


def completions(model):
    extra = {"return_token_ids": True, "ignore_eos": True}
    reply = counted(client.completions.create(model=model, prompt=PROMPT, max_tokens=8, temperature=0, logprobs=2, extra_body=extra))
    (choice,) = reply.choices
    assert len(choice.token_ids) == len(choice.logprobs.token_logprobs) == 8
    assert choice.prompt_token_ids == PROMPT and choice.finish_reason == "length"
    same = counted(client.completions.create(model=model, prompt=TEXT, max_tokens=8, temperature=0, extra_body=extra))
    assert same.choices[0].token_ids == choice.token_ids and same.choices[0].text == choice.text
    many = counted(client.completions.create(model=model, prompt=[PROMPT, [49]], n=3, max_tokens=4, temperature=1, extra_body=extra))
    assert [c.index for c in many.choices] == list(range(6)) and many.usage.prompt_tokens == 7
    return choice


def streamed(model, unary):
    extra = {"return_token_ids": True, "ignore_eos": True}
    ids, text, usage = [], "", None
    stream = client.completions.create(
        model=model, prompt=PROMPT, max_tokens=8, temperature=0, logprobs=0, stream=True, stream_options={"include_usage": True}, extra_body=extra
    )
    for chunk in stream:
        for choice in chunk.choices:
            ids += choice.token_ids
            text += choice.text
        usage = chunk.usage or usage
    assert ids == unary.token_ids and text == unary.text and usage.completion_tokens == 8
    counts["streams"] += 1
    counts["tokens"] += len(ids)


def chat(model):
    extra = {"return_tokens_as_token_ids": True, "return_token_ids": True}
    messages = [{"role": "user", "content": TEXT}]
    first = counted(client.chat.completions.create(model=model, messages=messages, max_tokens=6, logprobs=True, top_logprobs=0, seed=3, extra_body=extra))
    said = first.choices[0].message
    assert said.prompt_token_ids == first.prompt_token_ids
    assert said.generation_token_ids == first.choices[0].token_ids
    assert [f"token_id:{i}" for i in said.generation_token_ids] == [e.token for e in first.choices[0].logprobs.content]
    messages += [said.model_dump(), {"role": "user", "content": "1+1="}]
    second = counted(client.chat.completions.create(model=model, messages=messages, max_tokens=6, logprobs=True, top_logprobs=0, extra_body=extra))
    seen = said.prompt_token_ids + said.generation_token_ids
    assert second.prompt_token_ids[: len(seen)] == seen
    text = ""
    for chunk in client.chat.completions.create(model=model, messages=messages[:1], max_tokens=6, seed=3, stream=True):
        for choice in chunk.choices:
            text += choice.delta.content or ""
    assert text == said.content, (text, said.content)
    counts["streams"] += 1


def refusals(model):
    for kind, call in (
        (openai.BadRequestError, lambda: client.completions.create(model=model, prompt="1" * 3000)),
        (openai.BadRequestError, lambda: client.completions.create(model=model, prompt=[1], temperature=-1)),
        (openai.BadRequestError, lambda: client.chat.completions.create(model=model, messages=[])),
        (openai.NotFoundError, lambda: client.completions.create(model="nobody", prompt=[1])),
        (openai.UnprocessableEntityError, lambda: client.completions.create(model=model, prompt=[1], suffix="x")),
    ):
        try:
            call()
        except kind as error:
            assert error.body["code"] == error.status_code, error.body
            counts["refusals"] += 1
        else:
            raise AssertionError(f"not refused: {kind}")


async def at_once(model, width=64):
    many = openai.AsyncOpenAI(base_url=BASE, api_key="EMPTY", max_retries=0)
    calls = [many.completions.create(model=model, prompt=PROMPT, max_tokens=16, temperature=1, logprobs=0, extra_body={"return_token_ids": True, "ignore_eos": True}) for _ in range(width)]
    for reply in await asyncio.gather(*calls):
        (choice,) = reply.choices
        assert len(choice.token_ids) == len(choice.logprobs.token_logprobs)
        counted(reply)
    await many.close()


name = models()
streamed(name, completions(name))
chat(name)
refusals(name)
asyncio.run(at_once(name))
print(json.dumps({"openai": openai.__version__, **counts}))
