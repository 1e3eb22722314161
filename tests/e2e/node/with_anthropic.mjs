import Anthropic from "@anthropic-ai/sdk";
import { method, pull, signalAfter } from "./observe.mjs";

const client = ({ url, key, retries, timeout_ms, headers }) =>
  new Anthropic({ baseURL: url, apiKey: key, maxRetries: retries, timeout: timeout_ms,
                  defaultHeaders: headers });

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
