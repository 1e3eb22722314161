// npm's tiktoken (WebAssembly) as a rival and as the reference; see tokens.py for how it is called:
//   node tokens_npm.mjs ENCODING PASSES < texts.jsonl
import fs from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.cwd() + "/");
const { Tiktoken } = require("tiktoken/lite");
const [name, passes] = process.argv.slice(2);
const said = require(`tiktoken/encoders/${name}.json`);
const encoding = new Tiktoken(said.bpe_ranks, said.special_tokens, said.pat_str);
const texts = fs.readFileSync(0, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line).text);
let counts = [];
let best = Infinity;
for (let i = 0; i < Number(passes); i++) {
  const began = process.cpuUsage();
  counts = texts.map((text) => encoding.encode_ordinary(text).length);
  const took = process.cpuUsage(began);
  best = Math.min(best, (took.user + took.system) / 1e6);
}
console.log(JSON.stringify({ counts, warm: best, pattern: said.pat_str }));
