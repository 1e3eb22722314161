// What --help says around the lists of commands and options.
#pragma once

namespace farebox {

inline constexpr const char* kAbout =
    "farebox meters AI API traffic: point OPENAI_BASE_URL, ANTHROPIC_BASE_URL or a Gemini base\n"
    "URL at it, and it counts the tokens and the cost of every request.\n";

inline constexpr const char* kFooter =
    "Without a command it serves; without a configuration it forwards to the public OpenAI,\n"
    "Anthropic and Gemini endpoints with the caller's own keys. No key at hand? farebox demo.\n\n"
    "  farebox demo                                     try it: no key, no network\n"
    "  farebox check --config farebox.yaml              every mistake, and how to mend it\n"
    "  farebox --config farebox.yaml\n"
    "  OPENAI_BASE_URL=http://127.0.0.1:4141/v1 your-program\n"
    "  farebox usage --by model --since 24h\n"
    "  farebox keys create --name search-app            a key of farebox's own for a caller\n"
    "  farebox budgets list                             what is spent, held and left\n"
    "  farebox count --model gpt-4o < prompt.txt        tokens and price of a text\n\n"
    "Configuration: --config FILE, else FAREBOX_CONFIG, else defaults. The command line wins over\n"
    "FAREBOX_LISTEN, FAREBOX_ADMIN_LISTEN, FAREBOX_ADMIN_TOKEN, FAREBOX_DATA_DIR and\n"
    "FAREBOX_LOG_LEVEL, and these over the file. Records live in data_dir, ./farebox-data unless\n"
    "said. Logs go to standard error. SIGTERM and Ctrl-C finish what runs, a second one doesn't.\n\n"
    "Exit codes: 0 ok, 64 usage, 65 damaged or missing ledger, 69 port taken, store locked or\n"
    "nothing answers, 73 can't create, 74 input or output, 77 permission, 78 configuration.\n\n"
    "More about one command: farebox help COMMAND. Completion: farebox completion --help.";

inline constexpr const char* kServeFooter =
    "Three lines say where it is when standard output is a terminal and logs are text.\n\n"
    "  farebox --config farebox.yaml\n"
    "  farebox serve --listen 127.0.0.1:8080 --log-format text";

inline constexpr const char* kDemoFooter =
    "Serves as `serve` does, with a pretend provider in this process behind every provider:\n"
    "OpenAI's chat completions, responses and embeddings, Anthropic's messages and Gemini's\n"
    "generateContent, whole and streamed, with any key or none. Everything else is real: tokens,\n"
    "cost at list prices, ledger, metrics. Records go to the directory demo below data_dir, so\n"
    "pretend cost never mixes with real cost; --data-dir is taken as it is. With --config, its\n"
    "providers keep their names and lose their keys and addresses.\n\n"
    "  farebox demo\n"
    "  farebox demo --listen 127.0.0.1:8080 --admin-listen 127.0.0.1:8081\n"
    "  farebox usage                                    what it would have cost";

inline constexpr const char* kBillFooter =
    "Reads the usage from the reply as the proxy does, prices it with the bundled table (or that of\n"
    "--config) and prints each line and the total. Files of golden bills (tests/golden) are compared\n"
    "with what they say. Prints a table on a terminal and JSON elsewhere.\n\n"
    "  curl -s https://api.openai.com/v1/chat/completions ... | farebox bill\n"
    "  farebox bill --provider anthropic reply.json\n"
    "  farebox bill --path /v1/embeddings --model text-embedding-3-small reply.json\n"
    "  farebox bill tests/golden/thresholds.json        every bill, and whether it agrees\n\n"
    "Exit codes: 0 ok, 65 a bill differs or a file is no golden file, 74 it can't be read.";

inline constexpr const char* kCheckFooter =
    "Every mistake is a line on standard error, file:line: what, why; how to mend. Standard output\n"
    "has a summary on a terminal and JSON elsewhere. Exit codes: 0 good, 78 not.\n\n"
    "  farebox check --config farebox.yaml\n"
    "  farebox check --config farebox.yaml --json | jq .errors";

inline constexpr const char* kHealthFooter =
    "Needs no token and no configuration. Exit codes: 0 well, 69 not, or nothing answers.\n\n"
    "  farebox health                                   is it alive?\n"
    "  farebox health --ready --admin-listen 127.0.0.1:4142";

inline constexpr const char* kCompletionFooter =
    "Prints a script for your shell, made from the commands of this very program.\n\n"
    "  source <(farebox completion bash)                this shell; or put it in ~/.bashrc\n"
    "  farebox completion zsh > ~/.zfunc/_farebox       a directory of $fpath\n"
    "  farebox completion fish > ~/.config/fish/completions/farebox.fish";

inline constexpr const char* kUsageFooter =
    "Prints a table on a terminal and JSON elsewhere. The running farebox is found at its admin\n"
    "port; where that asks for a token, FAREBOX_ADMIN_TOKEN or admin.token of --config is sent.\n"
    "--by knows model, provider, project, org, user, key, endpoint and outcome, with commas.\n\n"
    "  farebox usage                                    the last 24 hours by model\n"
    "  farebox usage --by project,model --since 30d\n"
    "  farebox usage --granularity day --since 2026-11-01 --until 2026-12-01\n"
    "  farebox usage --records 20 --project search      the newest 20 requests\n"
    "  farebox usage --since 0 --json                   everything, for a program";

inline constexpr const char* kKeysFooter =
    "A virtual key (fb-...) stands where a provider's key would: farebox knows by it who calls, and\n"
    "takes it out. Keys are kept as SHA-256 and never shown again. Asks the admin port as `farebox\n"
    "usage` does; keys in the configuration are changed there.\n\n"
    "  farebox keys create --name search-app --project search\n"
    "  farebox keys create --name trial --model \"gpt-4o-mini*\" --expires 2026-12-31\n"
    "  farebox keys create --name ci --offline          for the keys: of a configuration\n"
    "  farebox keys list\n"
    "  farebox keys rotate search-app --overlap 24h\n"
    "  farebox keys revoke search-app\n\n"
    "Exit codes: 0 ok, 64 usage or no such key, 69 nothing answers, 77 permission.";

inline constexpr const char* kBudgetsFooter =
    "Budgets set here survive restarts and reloads; those of the configuration are changed there,\n"
    "but may be topped up and overridden here. `set` says a budget whole: what isn't said is as in\n"
    "a new one, what was spent stays. Asks the admin port as `farebox usage` does.\n\n"
    "  farebox budgets list\n"
    "  farebox budgets set --scope project=search --period monthly --limit-usd 500\n"
    "  farebox budgets set --scope user=* --period daily --limit-usd 5 --time-zone Europe/Berlin\n"
    "  farebox budgets top-up bgt-0123456789abcdef --usd 20 --reason \"launch week\"\n"
    "  farebox budgets override bgt-0123456789abcdef --limit-usd 800 --for 2h\n"
    "  farebox budgets override bgt-0123456789abcdef --end\n"
    "  farebox budgets remove bgt-0123456789abcdef\n"
    "  farebox budgets forecast search-monthly\n\n"
    "Exit codes: 0 ok, 64 usage or no such budget, 69 nothing answers, 77 permission.";

inline constexpr const char* kAuditFooter =
    "Each change of a key, a budget, the configuration or prices is a record in the ledger's chain,\n"
    "with what was there before and after it (--json). Asks the admin port as `farebox usage` does.\n\n"
    "  farebox audit                                    the newest 20 changes\n"
    "  farebox audit --limit 200 --json\n\n"
    "Exit codes: 0 ok, 64 usage, 69 nothing answers, 77 permission.";

inline constexpr const char* kAlertsFooter =
    "Alerts go to the log, to metrics and to the channels under alerts.channels. Asks the admin\n"
    "port as `farebox usage` does.\n\n"
    "  farebox alerts list --active\n"
    "  farebox alerts test --channel ops\n"
    "  farebox alerts acknowledge alt-0644f1c2b3a4d5 --by ann --note \"topped up\"\n\n"
    "Exit codes: 0 ok, 64 usage or no such alert, 69 nothing answers or a test wasn't delivered,\n"
    "77 permission.";

inline constexpr const char* kPricesFooter =
    "Prices are those of --config: the bundled table, prices.file over it, prices.overrides over\n"
    "both. A price in brackets isn't published: that of the next of kin. Tables on a terminal and\n"
    "JSON elsewhere.\n\n"
    "  farebox prices show gpt-4o\n"
    "  farebox prices show us.anthropic.claude-opus-5 --provider bedrock --json\n"
    "  farebox prices check my-prices.json              ours or LiteLLM's\n"
    "  farebox prices check my-prices.json --public-key ed25519:...\n\n"
    "Exit codes: 0 ok, 64 usage, 65 an unknown model or a file with mistakes, 78 configuration.";

inline constexpr const char* kCountFooter =
    "Counts exactly as the model's own tokenizer does, offline. Nothing is taken for a special\n"
    "token. Models without a public vocabulary (Claude, Gemini, Mistral ...) are estimated, and it\n"
    "says so and how far off nine texts in ten are at most; with data_dir of a farebox that served\n"
    "the model, by what its provider reported. Octets that aren't UTF-8 are counted as tiktoken's\n"
    "bytes API does.\n"
    "Prints a line for people on a terminal and JSON elsewhere; --jsonl prints bare numbers, and\n"
    "JSON lines with --json or for estimates.\n\n"
    "  farebox count < prompt.txt                       o200k_base: GPT-4o and later\n"
    "  farebox count --model gpt-4 < prompt.txt         and what it costs as input\n"
    "  farebox count --encoding cl100k_base --jsonl < texts.jsonl\n\n"
    "Exit codes: 0 ok, 64 usage, 65 a line that is no {\"text\": ...}, 74 input or output,\n"
    "78 a price file with a mistake, or built without that vocabulary.";

inline constexpr const char* kLedgerFooter =
    "The ledger is below data_dir: that of --data-dir, else of --config, else ./farebox-data.\n"
    "verify, export and backup work beside a running farebox and see one moment of it.\n\n"
    "  farebox ledger verify                            is every record there, is the chain whole?\n"
    "  farebox ledger export --since 30d > month.jsonl\n"
    "  farebox ledger export --format csv --project search --output search.csv\n"
    "  farebox ledger backup /backup/farebox-monday     a whole ledger of its own\n"
    "  farebox ledger restore /backup/farebox-monday --data-dir ./new\n"
    "  farebox ledger verify --repair                   stopped: keep what is sound\n"
    "  farebox ledger rebuild                           the sums anew from the records\n"
    "  farebox ledger reprice --since 2026-11-01 --dry-run   what would today's prices change?\n\n"
    "Exit codes: 0 ok, 64 usage, 65 damaged or no ledger, 69 farebox runs (repair, restore) or\n"
    "doesn't answer (rebuild, reprice), 73 the target is in use, 74 input or output, 77 permission.";

}  // namespace farebox
