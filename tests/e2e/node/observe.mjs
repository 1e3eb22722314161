// What a call looked like from outside: results, errors and events as plain JSON.
import { createHash } from "node:crypto";

const LONG = 4096;

const seconds = () => Number(process.hrtime.bigint()) / 1e9;

/** The answer as JSON; long texts become their length and hash, octets too. */
export function plain(value) {
  const text = JSON.stringify(value, (_, one) => {
    if (one instanceof Uint8Array) return digest(one);
    if (typeof one === "string" && one.length > LONG) return digest(one);
    if (one instanceof Error) return errorOf(one);
    return one;
  });
  return text === undefined ? null : JSON.parse(text);
}

export function digest(octets) {
  return `sha256:${createHash("sha256").update(octets).digest("hex")}:${octets.length}`;
}

/** {"$big": n} becomes a text of n octets, wherever it stands. */
export function expanded(value) {
  if (Array.isArray(value)) return value.map(expanded);
  if (value === null || typeof value !== "object") return value;
  if ("$big" in value) return "fare ".repeat(value.$big / 5);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, expanded(one)]));
}

function headersOf(headers) {
  if (!headers) return undefined;
  const pairs = typeof headers.entries === "function" ? [...headers.entries()] : Object.entries(headers);
  return pairs.sort();
}

/** An error as a program would tell it from others. */
export function errorOf(error, depth = 0) {
  if (!(error instanceof Error)) return { thrown: plain(error) };
  const status = error.status ?? error.statusCode;
  const out = { class: error.constructor.name, name: error.name, status, code: error.code };
  // The words of a broken connection name ports; those of an answer are the provider's.
  if (status !== undefined || error.error !== undefined) out.message = error.message;
  for (const name of ["type", "param", "requestID", "error", "reason", "isRetryable",
                      "responseBody", "data"]) {
    if (error[name] !== undefined) out[name] = error[name];
  }
  out.headers = headersOf(error.headers ?? error.responseHeaders);
  if (error.cause !== undefined && depth < 4) out.cause = errorOf(error.cause, depth + 1);
  if (Array.isArray(error.errors)) out.errors = error.errors.map((one) => errorOf(one, depth + 1));
  return out;
}

/** Makes `client.a.b.c` of "a.b.c", bound. */
export function method(client, path) {
  const names = path.split(".");
  const last = names.pop();
  const owner = names.reduce((object, name) => object[name], client);
  return owner[last].bind(owner);
}

/** Reads a stream into seen.events; after `leaveAfter` events it leaves, by `leave`. What
 * an SDK still hands out of its buffer then is chance, and isn't looked at. */
export async function pull(stream, seen, leaveAfter, leave) {
  seen.events = [];
  for await (const event of stream) {
    if (seen.leftAt !== undefined) continue;
    seen.events.push(plain(event));
    if (seen.events.length === leaveAfter) {
      seen.leftAt = seconds();
      if (leave === undefined) break;
      leave();
    }
  }
  return "read to the end";
}

/** A signal that fires after so many milliseconds, and notes when. */
export function signalAfter(ms, seen) {
  if (ms === undefined) return undefined;
  const controller = new AbortController();
  setTimeout(() => {
    seen.leftAt = seconds();
    controller.abort();
  }, ms);
  return controller.signal;
}
