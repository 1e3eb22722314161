// One client program for all SDKs of node. It reads one JSON object a line,
// {"sdk", "do", "args"}, makes that call with the real SDK, and writes what a
// program using the SDK would have seen as one line of JSON. tests/e2e/clients.py
// is at the other end.
import { File } from "node:buffer";
import readline from "node:readline";
import { errorOf, expanded, plain } from "./observe.mjs";

// node 18 has this class, but not as a global; uploads of the SDKs ask for one.
globalThis.File ??= File;

const families = {
  openai: () => import("./with_openai.mjs"),
  anthropic: () => import("./with_anthropic.mjs"),
  genai: () => import("./with_genai.mjs"),
  vercel: () => import("./with_vercel.mjs"),
};

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

// An error nobody awaited is one the user's program would have seen, too.
let loose = [];
process.on("unhandledRejection", (error) => loose.push(errorOf(error)));

async function answer(line) {
  const { sdk, do: what, args } = JSON.parse(line);
  loose = [];
  const seen = {};
  try {
    const family = await families[sdk]();
    seen.result = await family[what](expanded(args), seen);
  } catch (error) {
    seen.error = errorOf(error);
  }
  if (loose.length > 0) seen.loose = loose;
  say(plain(seen));
}

for await (const line of readline.createInterface({ input: process.stdin })) await answer(line);
process.exit(0);
