"""BLIP in transformers as a worker process for interleaved benchmarks.

    python transformers_bench.py --model-dir DIR --threads 2

Reads one JSON request a line from standard input, answers one JSON line each on standard output; logs go to standard
error. The checkpoint is loaded at the first request that needs it. Every answer has `op` and `seconds` (mean of one
repetition; `all` lists each), or `op` and `error`. Inputs are prepared outside the clock unless the request says otherwise.

  {"op":"encode","size":384,"repeat":1}            vision tower on `batch` (1) prepared pictures; another size than the
                                                  checkpoint's interpolates its positions
  {"op":"rerank","variant":"asUsersRunIt"}         32 pairs: processor(images=[picture]*32, text=[query]*32, padding to 35)
                                                  and the whole model, image towers included
  {"op":"rerank","variant":"matcherOnly"}          32 pairs: text encoder and ITM head on given image tokens, ids padded to 35
  {"op":"caption","encode":true}                   greedy, exactly 20 new tokens, with (true) or without the image tower
  {"op":"start"}                                   a fresh process: from_pretrained and first image embedding, without imports
  {"op":"ready"}                                   loads the checkpoint and says so
Optional in every request: `repeat` (1), `pairs` (32), `newTokens` (20).
"""

import argparse
import json
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

QUERY = "two dogs playing on the beach with a red ball"  # 12 tokens with [CLS] and [SEP]
PADDED_LENGTH = 35


def log(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


@cache
def config_of(folder: str) -> dict:
    return json.loads((Path(folder) / "config.json").read_text())


@cache
def load_model(folder: str):
    import transformers

    name = config_of(folder)["architectures"][0]
    return getattr(transformers, name).from_pretrained(folder, dtype="float32").eval()


@cache
def load_processor(folder: str):
    """Pillow for the pictures: what runs without torchvision, and the exact resize of the original."""
    from transformers import BertTokenizer, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    return BlipProcessor(BlipImageProcessorPil.from_pretrained(folder), BertTokenizer.from_pretrained(folder))


@cache
def example_picture():
    import numpy
    from PIL import Image

    coarse = numpy.random.default_rng(1).integers(0, 256, (12, 16, 3), dtype=numpy.uint8)
    return Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)


def need(folder: str, architecture: str) -> None:
    found = config_of(folder)["architectures"][0]
    if found != architecture:
        raise ValueError(f'this request needs a {architecture} checkpoint, but "{folder}" holds a {found}')


@cache
def pixels(folder: str, size: int, batch: int):
    """Prepared pictures, float32 [batch, 3, size, size]."""
    processor = load_processor(folder).image_processor
    prepared = processor([example_picture()] * batch, size={"height": size, "width": size}, return_tensors="pt")
    return prepared["pixel_values"]


def model_size(folder: str) -> int:
    return config_of(folder)["vision_config"]["image_size"]


@cache
def image_tokens(folder: str):
    return load_model(folder).vision_model(pixel_values=pixels(folder, model_size(folder), 1)).last_hidden_state


def prepare_encode(folder: str, request: dict):
    model, size = load_model(folder), request.get("size", model_size(folder))
    pictures, interpolate = pixels(folder, size, request.get("batch", 1)), size != model_size(folder)
    return lambda: model.vision_model(pixel_values=pictures, interpolate_pos_encoding=interpolate).last_hidden_state


def prepare_rerank(folder: str, request: dict):
    need(folder, "BlipForImageTextRetrieval")
    model, processor, pairs = load_model(folder), load_processor(folder), request.get("pairs", 32)
    if request.get("variant", "asUsersRunIt") == "matcherOnly":
        text = processor.tokenizer([QUERY] * pairs, padding="max_length", max_length=PADDED_LENGTH, return_tensors="pt")
        tokens = image_tokens(folder).expand(pairs, -1, -1)
        return lambda: match(model, text["input_ids"], text["attention_mask"], tokens)
    return lambda: match_as_users_do(model, processor, pairs)


def match(model, ids, mask, tokens):
    states = model.text_encoder(input_ids=ids, attention_mask=mask, encoder_hidden_states=tokens).last_hidden_state
    return model.itm_head(states[:, 0])


def match_as_users_do(model, processor, pairs: int):
    inputs = processor(
        images=[example_picture()] * pairs,
        text=[QUERY] * pairs,
        padding="max_length",
        max_length=PADDED_LENGTH,
        return_tensors="pt",
    )
    return model(**inputs).itm_score


def prepare_caption(folder: str, request: dict):
    need(folder, "BlipForConditionalGeneration")
    model, count = load_model(folder), request.get("newTokens", 20)
    length = {"max_new_tokens": count, "min_new_tokens": count, "do_sample": False, "num_beams": 1}
    if request.get("encode", True):
        pictures = pixels(folder, model_size(folder), 1)
        return lambda: model.generate(pixel_values=pictures, **length)
    return lambda: generate_from_tokens(model, image_tokens(folder), length)


def generate_from_tokens(model, tokens, length: dict):
    """The second half of BlipForConditionalGeneration.generate."""
    import torch

    text = model.config.text_config
    return model.text_decoder.generate(
        input_ids=torch.tensor([[text.bos_token_id]]),
        eos_token_id=text.sep_token_id,
        pad_token_id=text.pad_token_id,
        encoder_hidden_states=tokens,
        encoder_attention_mask=torch.ones(tokens.shape[:-1], dtype=torch.long),
        **length,
    )


def embed_once(folder: str) -> None:
    """Prints the seconds from from_pretrained to the first embedding in this process. Imports stand outside the clock."""
    import torch
    import transformers

    getattr(transformers, config_of(folder)["architectures"][0])  # lazy module, imported here and not in the clock
    prepared = pixels(folder, config_of(folder)["vision_config"].get("image_size", 384), 1)
    with torch.inference_mode():
        before = time.perf_counter()
        model = load_model(folder)
        tokens = model.vision_model(pixel_values=prepared).last_hidden_state
        torch.nn.functional.normalize(model.vision_proj(tokens[:, 0]), dim=-1)
        print(json.dumps({"seconds": time.perf_counter() - before}))


def prepare_start(folder: str, threads: int):
    """A run that gives its own seconds: a fresh process measures itself."""
    command = [sys.executable, __file__, "--model-dir", folder, "--threads", str(threads), "--embed-once"]
    return lambda: json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["seconds"]


def prepare(folder: str, threads: int, request: dict):
    match request["op"]:
        case "encode":
            return prepare_encode(folder, request)
        case "rerank":
            return prepare_rerank(folder, request)
        case "caption":
            return prepare_caption(folder, request)
        case "start":
            return prepare_start(folder, threads)
        case "ready":
            return lambda: load_model(folder)
        case other:
            raise ValueError(f'unknown op "{other}", expected encode, rerank, caption, start or ready')


def answer(folder: str, threads: int, request: dict) -> dict:
    run = prepare(folder, threads, request)
    seconds = []
    for _ in range(request.get("repeat", 1)):
        before = time.perf_counter()
        own = run()
        seconds.append(own if isinstance(own, float) else time.perf_counter() - before)
    return {"op": request["op"], "seconds": sum(seconds) / len(seconds), "all": seconds}


def serve(folder: str, threads: int) -> None:
    import torch

    with torch.inference_mode():
        for line in filter(str.strip, sys.stdin):
            request: dict = {}
            try:
                request = json.loads(line)
                reply = answer(folder, threads, request)
            except Exception as error:  # noqa: BLE001 - one bad request must not end the worker
                reply = {"op": request.get("op"), "error": f"{type(error).__name__}: {error}"}
            print(json.dumps(reply), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model-dir", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--embed-once", action="store_true", help="load, embed one picture, exit (what `start` times)")
    options = parser.parse_args()
    import torch
    import transformers

    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if options.embed_once:
        embed_once(options.model_dir)
        return
    log(f"transformers {transformers.__version__}, torch {torch.__version__}, {options.threads} threads")
    serve(options.model_dir, options.threads)


if __name__ == "__main__":
    main()
