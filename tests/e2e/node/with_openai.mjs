import OpenAI, { toFile } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { method, pull, signalAfter } from "./observe.mjs";

function client({ url, key, retries, timeout_ms, by_variable }) {
  if (by_variable) {
    Object.assign(process.env, { OPENAI_BASE_URL: url, OPENAI_API_KEY: key });
    return new OpenAI();
  }
  return new OpenAI({ baseURL: url, apiKey: key, maxRetries: retries, timeout: timeout_ms });
}

export async function call(args, seen) {
  const options = { signal: signalAfter(args.cancel_ms, seen) };
  return method(client(args), args.path)(...args.positional ?? [], args.body, options);
}

export async function stream(args, seen) {
  const events = await method(client(args), args.path)({ ...args.body, stream: true });
  const leave = args.leave === "break" ? undefined : () => events.controller.abort();
  return pull(events, seen, args.leave_after, leave);
}

/** The helper that collects a stream into one completion. */
export async function collect(args) {
  return client(args).chat.completions.stream(args.body).finalChatCompletion();
}

const Fare = z.object({ city: z.string(), price: z.number() });

export async function structured(args) {
  const done = await client(args).chat.completions.parse(
    { ...args.body, response_format: zodResponseFormat(Fare, "fare") });
  return { parsed: done.choices[0].message.parsed, usage: done.usage };
}

/** The tool runner of the SDK: it calls the function and asks again. */
export async function tools(args) {
  const called = [];
  const tool = { type: "function", function: {
    name: "fare_to", parameters: { type: "object", properties: { city: { type: "string" } } },
    parse: JSON.parse, function: ({ city }) => { called.push(city); return "2.80"; } } };
  const runner = client(args).chat.completions.runTools({ ...args.body, tools: [tool] });
  return { text: await runner.finalContent(), called };
}

export async function upload(args) {
  const file = await toFile(Buffer.from(args.text), "fares.jsonl");
  return client(args).files.create({ file, purpose: "batch" });
}

export async function transcribe(args) {
  const file = await toFile(Buffer.from(args.text), "speech.wav");
  return client(args).audio.transcriptions.create({ file, model: "whisper-1" });
}

export async function download(args) {
  const answer = await client(args).files.content("file-1");
  return new Uint8Array(await answer.arrayBuffer());
}
