import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { embed as embedOne, embedMany as embedSeveral, generateObject, generateText, stepCountIs,
         streamObject, streamText, tool } from "ai";
import { z } from "zod";
import { pull, signalAfter } from "./observe.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

function provider({ url, key, provider: name }) {
  const settings = { baseURL: url, apiKey: key };
  return name === "anthropic" ? createAnthropic(settings) : createOpenAI(settings);
}

/** `model` is "chat:gpt-4.1-mini", "responses:..." or a name alone. */
function modelOf(args) {
  const [kind, name] = args.model.includes(":") ? args.model.split(":") : [undefined, args.model];
  const made = provider(args);
  return kind === undefined ? made(name) : made[kind](name);
}

const common = (args, seen) => ({
  model: modelOf(args), prompt: args.prompt, maxOutputTokens: args.max_tokens,
  maxRetries: args.retries, abortSignal: signalAfter(args.cancel_ms, seen) });

const Fare = z.object({ city: z.string(), price: z.number() });

const tools = (called) => ({ fare_to: tool({
  description: "What a ride costs", inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => { called.push(city); return "2.80"; } }) });

export async function text(args, seen) {
  const { text, usage, finishReason } = await generateText(common(args, seen));
  return { text, usage, finishReason };
}

export async function streamed(args, seen) {
  const controller = new AbortController();
  const failures = [];
  const result = streamText({ ...common(args, seen), abortSignal: controller.signal,
                              onError: ({ error }) => failures.push(error) });
  const leave = args.leave === "break" ? undefined : () => controller.abort();
  await pull(result.textStream, seen, args.leave_after, leave);
  if (args.leave_after !== undefined) return "left";
  if (failures.length > 0) throw failures[0];
  return { usage: await result.usage, finishReason: await result.finishReason };
}

export async function object(args, seen) {
  const { object, usage } = await generateObject({ ...common(args, seen), schema: Fare });
  return { object, usage };
}

export async function streamedObject(args, seen) {
  const result = streamObject({ ...common(args, seen), schema: Fare });
  await pull(result.partialObjectStream, seen);
  return { object: await result.object, usage: await result.usage };
}

export async function toolCall(args, seen) {
  const called = [];
  const done = await generateText({ ...common(args, seen), tools: tools(called),
                                    stopWhen: stepCountIs(3) });
  return { text: done.text, called, steps: done.steps.length, usage: done.totalUsage };
}

export async function streamedToolCall(args, seen) {
  const called = [];
  const result = streamText({ ...common(args, seen), tools: tools(called),
                              stopWhen: stepCountIs(3) });
  await pull(result.textStream, seen);
  return { called, usage: await result.totalUsage };
}

export async function embed(args) {
  const { embedding, usage } = await embedOne({
    model: provider(args).textEmbeddingModel(args.model), value: args.prompt,
    maxRetries: args.retries });
  return { embedding, usage };
}

export async function embedMany(args) {
  const { embeddings, usage } = await embedSeveral({
    model: provider(args).textEmbeddingModel(args.model), values: args.prompt,
    maxRetries: args.retries });
  return { embeddings, usage };
}
