"""Audio, images, characters, seconds and pages."""

import replies
from book import VERTEX, ask, chat_request, generate_request
from replies import LEFT_OUT


def audio(book):
    book.theme("audio", "Audio: tokens in and out, seconds heard, characters spoken")
    for number, model in enumerate(("gpt-4o-audio-preview", "gpt-4o-mini-audio-preview", "gpt-audio", "gpt-audio-mini")):
        for word, heard, spoken in (("in", 611, 0), ("out", 0, 502), ("both", 377, 288)):
            usage = {"inputTokens": 900 + number, "outputTokens": 600, "audioInputTokens": heard,
                     "audioOutputTokens": spoken}
            book.add("chat-%s-%s" % (model, word), "audio tokens have prices of their own", "openai/" + model,
                     chat_request("openai", model, modalities=["text", "audio"]), replies.chat(model, usage), usage)
    for model in ("gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"):
        usage = {"inputTokens": 214, "audioInputTokens": 200, "outputTokens": 45}
        book.add("hear-" + model, "by the token", "openai/" + model,
                 ask("/v1/audio/transcriptions", model=model, file="speech"), replies.transcription(usage), usage)
    for card, path, seconds in (("openai/whisper-1", "/v1/audio/transcriptions", "9"),
                                ("openai/whisper-1", "/v1/audio/translations", "3600"),
                                ("openai/whisper-1", "/v1/audio/transcriptions", "36.71"),
                                ("groq/whisper-large-v3", "/openai/v1/audio/transcriptions", "10"),
                                ("groq/whisper-large-v3-turbo", "/openai/v1/audio/transcriptions", "7203.5")):
        usage = {"inputTokens": 0, "outputTokens": 0, "units": {"seconds": seconds}}
        book.add("hear-%s-%s-%s" % (card.replace("/", "-"), path.split("/")[-1], seconds), "by the second, once", card,
                 ask(path, model=card.split("/")[1], file="speech"), replies.transcription(usage), usage)
    for model, text in (("tts-1", "Do it, please."), ("tts-1-hd", "Tu es, \u00e9v\u00e8ne, \u65e5\u672c\u8a9e \U0001f600")):
        usage = {"inputTokens": 0, "outputTokens": 0, "units": {"characters": len(text)}}
        book.add("speak-" + model, "by the character of the request's text; the reply is sound alone", "openai/" + model,
                 ask("/v1/audio/speech", model=model, voice="alloy", input=text),
                 {"status": 200, "contentType": "audio/mpeg", "body": "ID3 sound"}, usage)
    for model in ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3-flash-preview",
                  "gemini-3.1-flash-lite"):
        usage = {"inputTokens": 5_017, "audioInputTokens": 3_200, "outputTokens": 88}
        book.add("hear-" + model, "audio in the prompt", "gemini/" + model, generate_request("gemini", model),
                 replies.generate(model, usage), usage)
    usage = {"inputTokens": 5_017, "audioInputTokens": 3_200, "cachedInputTokens": 1_500, "outputTokens": 88,
             "serviceTier": "priority"}
    book.add("hear-priority", "audio has a price of its own in the priority tier", "gemini/gemini-3-flash-preview",
             generate_request("gemini", "gemini-3-flash-preview"), replies.generate("gemini-3-flash-preview", usage), usage)
    usage = {"inputTokens": 4_000, "audioInputTokens": 3_000, "outputTokens": 20, "serviceTier": "batch"}
    book.add("hear-batch", "half of the standard price, audio too", "gemini/gemini-3.1-flash-lite",
             generate_request("gemini", "gemini-3.1-flash-lite"), replies.generate("gemini-3.1-flash-lite", usage), usage)
    for model, word in (("gemini-2.5-flash", "no price of its own: cached input's, estimated"),
                        ("gemini-2.0-flash-exp", "a price of its own")):
        usage = {"inputTokens": 3_000, "cachedInputTokens": 3_000, "audioInputTokens": 1_200, "outputTokens": 9}
        book.add("cached-audio-" + model, "all of the prompt was cached, so the audio was: " + word, "gemini/" + model,
                 generate_request("gemini", model), replies.generate(model, usage), usage)


def images(book):
    book.theme("images", "Images: by the token, by the image, by size and quality")
    for model, shape in (("gpt-image-1", (22, 0, 2_112)), ("gpt-image-1-mini", (22, 0, 1_056)),
                         ("gpt-image-1.5", (40, 0, 4_160)), ("gpt-image-1", (385, 323, 6_240)),
                         ("gpt-image-1-mini", (700, 646, 272))):
        text, image_in, image_out = shape
        usage = {"inputTokens": text, "imageInputTokens": image_in, "outputTokens": image_out,
                 "imageOutputTokens": image_out, "units": {"images": 1}}
        path = "/v1/images/edits" if image_in else "/v1/images/generations"
        book.add("image-%s-%d" % (model, image_out), "text and images in, an image out, by the token", "openai/" + model,
                 ask(path, model=model, prompt="Paint it."), replies.images(usage), usage)
    for variant in ("standard/1024-x-1024", "standard/1024-x-1792", "standard/1792-x-1024", "hd/1024-x-1024",
                    "hd/1024-x-1792", "hd/1792-x-1024"):
        quality, _, size = variant.partition("/")
        for count in ((1, 2) if variant.endswith("1024-x-1024") else (1,)):
            usage = {"inputTokens": 0, "outputTokens": 0, "units": {"images": count}, "variant": variant}
            book.add("dall-e-3-%s-%s-%d" % (quality, size, count), "size and quality of the request set the price", "openai/dall-e-3#" + variant,
                     ask("/v1/images/generations", model="dall-e-3", prompt="Paint it.", n=count, quality=quality,
                         size=size.replace("-x-", "x")), replies.images(usage, count), usage)
    for model, count in (("imagen-4.0-generate-001", 1), ("imagen-4.0-ultra-generate-001", 4)):
        usage = {"inputTokens": 0, "outputTokens": 0, "units": {"images": count}}
        book.add("imagen-%d" % count, "by the image", "gemini/" + model,
                 ask("/v1beta/models/%s:predict" % model, instances=[{"prompt": "Paint it."}],
                     parameters={"sampleCount": count}),
                 replies.as_json({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": "aW1hZ2U="}
                                                  for _ in range(count)]}), usage)
    for tier in ("standard", "batch"):
        usage = {"inputTokens": 30, "outputTokens": 1_420, "imageOutputTokens": 1_120, "reasoningTokens": 250,
                 "serviceTier": tier}
        book.add("gemini-image-" + tier, "text, thoughts and an image out: image tokens cost ten times as much",
                 "gemini/gemini-3-pro-image", generate_request("gemini", "gemini-3-pro-image"),
                 replies.generate("gemini-3-pro-image", usage), usage)
    usage = {"inputTokens": 1_560, "imageInputTokens": 1_548, "outputTokens": 40}
    for card in ("gemini/gemini-2.5-flash", "vertex/gemini-2.5-flash"):
        provider, _, model = card.partition("/")
        book.add("see-" + provider, "images in the prompt cost what text costs", card, generate_request(provider, model),
                 replies.generate(model, usage, traffic=provider == "vertex"), dict(usage))
    usage = {"inputTokens": 0, "outputTokens": 0, "units": {"images": 3}}
    book.add("embed-images", "embedded images, by the image", "cohere/embed-english-v3.0",
             ask("/v2/embed", model="embed-english-v3.0", input_type="image", embedding_types=["float"],
                 images=["data:image/png;base64,aW1hZ2U="] * 3),
             replies.cohere_units({"images": 3}, embeddings={"float": [[0.25]] * 3}), usage)


def pages(book):
    book.theme("pages", "Mistral's OCR: by the page")
    for count in (1, 7, 1_000):
        usage = {"inputTokens": 0, "outputTokens": 0, "units": {"pages": count}}
        book.add("ocr-%d" % count, "pages that were processed", "mistral/mistral-ocr-latest",
                 ask("/v1/ocr", model="mistral-ocr-latest", document={"type": "document_url", "document_url": "https://example.com/a.pdf"}),
                 replies.as_json({"model": "mistral-ocr-latest", "pages": [{"index": 0, "markdown": "It is done."}],
                                  "usage_info": {"pages_processed": count, "doc_size_bytes": 18_810}}), usage)


def write(book):
    for part in (audio, images, pages):
        part(book)
