#!/usr/bin/env python3
"""Writes price_facts.json: the published prices that the golden bills are made from.

    tests/golden/take_price_facts.py FACTS_DIR > tests/golden/price_facts.json

FACTS_DIR holds prices.json and prices-all.jsonl (public price tables in a neutral form).
Cards are carried over as they stand there, with the source and the date of each, and
nothing is worked out: what follows from rules is in arithmetic.py. This reads neither
config/prices.json nor the program that makes it, so the bills are a second opinion.
"""

import json
import sys
from pathlib import Path

CAPTURED = {
    "litellm": ("BerriAI/litellm model_prices_and_context_window.json (MIT), as captured in "
                "Prajwalsrinvas/token-tariff 77b8722619d6", "2026-08-01"),
    "genai-prices": ("pydantic/genai-prices 47df840a5ab1 (MIT)", "2026-08-21"),
}
KEPT = ("id", "provider", "model", "aliases", "variant", "mode", "per_million_tokens", "per_unit",
        "multipliers", "price_page")
CARDS = """
openai/gpt-3.5-turbo openai/gpt-4 openai/gpt-4-turbo openai/gpt-4.1 openai/gpt-4.1-mini openai/gpt-4.1-nano
openai/gpt-4o openai/gpt-4o-mini openai/gpt-5 openai/gpt-5-mini openai/gpt-5-pro openai/gpt-5.1
openai/gpt-5.1-codex openai/gpt-5.2 openai/gpt-5.4 openai/gpt-5.4-mini openai/gpt-5.5 openai/gpt-5.5-pro
openai/gpt-5.6 openai/gpt-5.6-sol openai/o1 openai/o3 openai/o3-mini openai/o4-mini
openai/gpt-3.5-turbo-instruct openai/codex-mini-latest
openai/gpt-audio openai/gpt-audio-mini openai/gpt-4o-audio-preview openai/gpt-4o-mini-audio-preview
openai/gpt-4o-transcribe openai/gpt-4o-mini-transcribe openai/gpt-4o-transcribe-diarize openai/whisper-1
openai/tts-1 openai/tts-1-hd openai/gpt-image-1 openai/gpt-image-1-mini openai/gpt-image-1.5 openai/dall-e-3
openai/dall-e-3#hd/1024-x-1024 openai/dall-e-3#hd/1024-x-1792 openai/dall-e-3#hd/1792-x-1024
openai/dall-e-3#standard/1024-x-1024 openai/dall-e-3#standard/1024-x-1792 openai/dall-e-3#standard/1792-x-1024
openai/text-embedding-3-large openai/text-embedding-3-small openai/text-embedding-ada-002
openai/omni-moderation-latest openai/container
anthropic/claude-sonnet-4-5 anthropic/claude-sonnet-4-6 anthropic/claude-haiku-4-5 anthropic/claude-opus-4-1
anthropic/claude-opus-4-5 anthropic/claude-opus-4-6 anthropic/claude-opus-4-7 anthropic/claude-opus-4-8
anthropic/claude-opus-5 anthropic/claude-3-haiku-20240307 anthropic/claude-3-7-sonnet-20250219
gemini/gemini-1.5-flash-002 gemini/gemini-2.0-flash gemini/gemini-2.5-flash gemini/gemini-2.5-flash-lite
gemini/gemini-2.5-pro gemini/gemini-3-flash-preview gemini/gemini-3-pro-preview gemini/gemini-3.1-flash-lite
gemini/gemini-3.1-pro-preview gemini/gemini-3-pro-image gemini/gemini-embedding-001 gemini/imagen-4.0-generate-001
gemini/imagen-4.0-ultra-generate-001 gemini/gemini-2.0-flash-exp
vertex/gemini-2.5-flash vertex/gemini-2.5-pro vertex/gemini-3-pro-preview vertex/claude-sonnet-4-5
vertex/claude-opus-4-6 vertex/claude-haiku-4-5
azure/gpt-4.1 azure/gpt-5.4 azure/gpt-5.5 azure/text-embedding-3-large
bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0 bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0
bedrock/global.anthropic.claude-haiku-4-5-20251001-v1:0 bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0
bedrock/meta.llama3-3-70b-instruct-v1:0 bedrock/openai.gpt-oss-120b-1:0 bedrock/amazon.titan-embed-text-v2:0
bedrock/amazon.nova-2-lite-v1:0
mistral/mistral-large-latest mistral/magistral-medium-latest mistral/devstral-latest mistral/mistral-embed
mistral/codestral-embed mistral/mistral-ocr-latest mistral/pixtral-large-latest
groq/llama-3.3-70b-versatile groq/llama-3.1-8b-instant groq/openai/gpt-oss-120b groq/qwen/qwen3-32b
groq/moonshotai/kimi-k2-instruct-0905 groq/whisper-large-v3 groq/whisper-large-v3-turbo
deepseek/deepseek-v3.2 deepseek/deepseek-v4-flash deepseek/deepseek-v4-pro
cohere/command-a-03-2025 cohere/command-r7b-12-2024 cohere/embed-v4.0 cohere/embed-english-v3.0
cohere/rerank-v3.5 cohere/rerank-english-v3.0
xai/grok-3 xai/grok-3-mini xai/grok-4-1-fast xai/grok-4.3 xai/grok-code-fast-1
openrouter/openai/gpt-4o-mini openrouter/anthropic/claude-sonnet-4.5
perplexity/sonar perplexity/sonar-pro perplexity/sonar-reasoning-pro perplexity/sonar-deep-research
voyage/voyage-3.5 voyage/voyage-3.5-lite voyage/voyage-code-3 voyage/rerank-2.5
together/meta-llama/Llama-3.3-70B-Instruct-Turbo together/deepseek-ai/DeepSeek-V3.1 together/openai/gpt-oss-20b
fireworks/accounts/fireworks/models/kimi-k2-thinking fireworks/accounts/fireworks/models/deepseek-v3p1
cerebras/gpt-oss-120b cerebras/llama3.1-8b
moonshot/kimi-k2.5 moonshot/kimi-k2-turbo-preview
zai/glm-4.6 zai/glm-4.5-flash zai/glm-4.7-flash ollama/llama3.1
""".split()


def main():
    facts = Path(sys.argv[1])
    known = {}
    for line in (facts / "prices-all.jsonl").read_text().splitlines():
        card = json.loads(line)
        known.setdefault(card["id"], card)
    for card in json.loads((facts / "prices.json").read_text())["models"]:
        known[card["id"]] = card
    missing = [name for name in CARDS if name not in known]
    if missing:
        sys.exit("no such cards: %s" % ", ".join(missing))
    lines = []
    for name in sorted(CARDS):
        card = known[name]
        kept = {key: card[key] for key in KEPT if key in card}
        kept["source"], kept["date"] = CAPTURED[card.get("source", "litellm")]
        lines.append("  " + json.dumps(kept, ensure_ascii=False))
    print('{\n "currency": "USD",\n "cards": [\n' + ",\n".join(lines) + "\n ]\n}")


if __name__ == "__main__":
    main()
