import Anthropic from "@anthropic-ai/sdk";
import { method, pull, signalAfter } from "./observe.mjs";

function client({ url, key, retries, timeout_ms, by_variable }) {
  if (by_variable) {
    Object.assign(process.env, { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: key });
    return new Anthropic({ timeout: timeout_ms });
  }
  return new Anthropic({ baseURL: url, apiKey: key, maxRetries: retries, timeout: timeout_ms });
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

/** The helper that collects a stream into one message. */
export async function collect(args) {
  return client(args).messages.stream(args.body).finalMessage();
}
