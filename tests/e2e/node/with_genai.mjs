import { GoogleGenAI } from "@google/genai";
import { method, pull, signalAfter } from "./observe.mjs";

function client({ url, key, retries, timeout_ms, by_variable }) {
  if (by_variable) {
    Object.assign(process.env, { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: key });
    return new GoogleGenAI({});
  }
  const httpOptions = { baseUrl: url, timeout: timeout_ms };
  if (retries !== undefined) httpOptions.retryOptions = { attempts: retries + 1 };
  return new GoogleGenAI({ apiKey: key, vertexai: false, httpOptions });
}

const configured = (body, signal) =>
  signal === undefined ? body : { ...body, config: { ...body.config, abortSignal: signal } };

// The SDK keeps the whole HTTP answer beside the content.
function stripped(answer) {
  if (answer && typeof answer === "object") delete answer.sdkHttpResponse;
  return answer;
}

export async function call(args, seen) {
  const body = configured(args.body, signalAfter(args.cancel_ms, seen));
  return stripped(await method(client(args), args.path)(body));
}

async function* stripping(events) {
  for await (const event of events) yield stripped(event);
}

export async function stream(args, seen) {
  const controller = new AbortController();
  const events = await method(client(args), args.path)(configured(args.body, controller.signal));
  const leave = args.leave === "break" ? undefined : () => controller.abort();
  return pull(stripping(events), seen, args.leave_after, leave);
}
