#include "proxy/count_command.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "config/base/json_writer.hpp"
#include "config/price_table.hpp"
#include "config/suggest.hpp"
#include "policy/pricing.hpp"
#include "policy/tokens/json_text.hpp"
#include "policy/tokens/ratio_table.hpp"
#include "proxy/output.hpp"
#include "proxy/ratio_keeper.hpp"
#include "proxy/text_table.hpp"
#include "storage/kept_file.hpp"

namespace farebox {
namespace {

// Calls `use(octets)` until standard input ends; `use` says whether to go on.
template <class Use>
CommandResult<void> read_input(Use use) {
  std::array<char, 64 << 10> buffer;
  while (true) {
    const ssize_t size = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (size == 0) return {};
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      return CommandFailure{kExitIo, fmt::format("can't read standard input: {}", std::strerror(errno))};
    }
    if (!use(std::string_view(buffer.data(), static_cast<std::size_t>(size)))) return {};
  }
}

std::uint64_t tokens_of(const CountPlan& plan, std::uint64_t counted) {
  return plan.tokenizer.exact ? counted : plan.ratio.estimate(counted);
}

// What a farebox learnt of the model, running or not. What can't be read teaches nothing.
std::optional<TokenRatio> learnt_ratio(const std::string& data_dir, const std::string& model) {
  const auto octets = KeptFile(ratios_path(data_dir)).load();
  if (!octets) return std::nullopt;
  const auto table = RatioTable::decode(*octets);
  return table ? table->find("", model, Side::input) : std::nullopt;
}

// The card of a model that somebody names without saying where it is called: "seller/model",
// else whatever maker sells that name.
struct Priced {
  const PriceCard* card = nullptr;
  std::string_view provider;
  DialectName dialect = DialectName::openai;
};

Priced card_of(const PriceTable& table, std::string_view model) {
  const std::size_t slash = model.find('/');
  if (slash != model.npos) {
    const std::string_view provider = model.substr(0, slash);
    const PriceCard* const card = table.find(provider, DialectName::openai, model.substr(slash + 1));
    if (card != nullptr) return {card, provider, DialectName::openai};
  }
  for (const DialectName dialect : {DialectName::openai, DialectName::anthropic, DialectName::gemini,
                                    DialectName::mistral, DialectName::cohere}) {
    if (const PriceCard* const card = table.find("", dialect, model)) return {card, "", dialect};
  }
  return {};
}

// What so many tokens cost as input of the plan's model; "" where that isn't known.
CommandResult<std::string> cost_of(const CountPlan& plan, std::uint64_t tokens,
                                   const PriceSettings& settings) {
  if (plan.model.empty()) return std::string();
  const auto table = load_prices(settings);
  if (!table) return CommandFailure{kExitConfig, table.error().context};
  const Priced priced = card_of(*table, plan.model);
  Usage usage;
  usage.source = UsageSource::estimated;
  usage.input = tokens;
  const Bill bill = price(priced.card, usage, *table, priced.provider, priced.dialect);
  return bill.priced ? bill.cost.decimal() : std::string();
}

int count_lines(const CountPlan& plan, const CountOptions& options, TokenCounter& counter) {
  auto output = Output::open("");
  std::string line;
  std::uint64_t number = 0;
  CommandFailure failure{0, ""};
  // An estimate says that it is one.
  const bool bare = plan.tokenizer.exact && !options.json;
  const auto count = [&] {
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) return true;
    const auto text = text_of_line(line);
    if (!text) {
      failure = {text.error().exit_code, fmt::format("line {}: {}", number, text.error().why)};
      return false;
    }
    const std::uint64_t tokens = tokens_of(plan, count_json_string(counter, *text));
    line.clear();
    return output->write((bare ? std::to_string(tokens) : count_json(plan, {tokens, ""})) + "\n");
  };
  auto read = read_input([&](std::string_view octets) {
    while (true) {
      const std::size_t end = octets.find('\n');
      line += octets.substr(0, end);
      if (end == octets.npos) return true;
      if (!count()) return false;
      line.clear();
      octets.remove_prefix(end + 1);
    }
  });
  if (read && failure.exit_code == 0 && !line.empty()) count();
  const auto finished = output->finish();
  if (failure.exit_code != 0) return complain(failure);
  if (!read) return complain(read.error());
  return finished ? 0 : complain(finished.error());
}

int count_whole(const CountPlan& plan, const PriceSettings& prices, const CountOptions& options,
                TokenCounter& counter) {
  StreamCounter stream(counter);
  const auto read = read_input([&](std::string_view octets) {
    stream.feed(octets);
    return true;
  });
  if (!read) return complain(read.error());
  CountAnswer answer{tokens_of(plan, stream.tokens()), ""};
  const auto cost = cost_of(plan, answer.tokens, prices);
  if (!cost) return complain(cost.error());
  answer.cost_usd = *cost;
  const bool people = on_terminal() && !options.json;
  return say((people ? count_text(plan, answer) : count_json(plan, answer)) + "\n");
}

}  // namespace

CommandResult<CountPlan> plan_count(const CountOptions& options) {
  CountPlan plan{.tokenizer = {"openai", Encoding::o200k_base, true, 1000, 0}, .model = options.model};
  const TokenizerOf* const known = options.model.empty() ? nullptr : tokenizer_of(options.model);
  if (!options.encoding.empty()) {
    const auto encoding = encoding_named(options.encoding);
    if (!encoding) {
      return CommandFailure{kExitUsage,
                            fmt::format("there is no encoding '{}'; it must be one of {}", options.encoding,
                                        listed(encoding_names()))};
    }
    plan.tokenizer.encoding = *encoding;
    return plan;
  }
  if (options.model.empty()) return plan;
  if (known == nullptr) {
    const std::string_view close = closest_word(options.model, known_models());
    return CommandFailure{
        kExitUsage,
        fmt::format("no tokenizer is known for the model '{}'; {}say --encoding, one of {}", options.model,
                    close.empty() ? "" : fmt::format("did you mean '{}'? Else ", close),
                    listed(encoding_names()))};
  }
  plan.tokenizer = *known;
  plan.ratio = TokenRatio(*known);
  return plan;
}

std::string count_json(const CountPlan& plan, const CountAnswer& answer) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("tokens").number(answer.tokens);
  json.key("encoding").string(name_of(plan.tokenizer.encoding));
  json.key("estimated").boolean(!plan.tokenizer.exact);
  if (!plan.tokenizer.exact) {
    json.key("ratio").raw(fmt::format("{:.3f}", plan.ratio.ratio() / 1000.0));
    json.key("expectedError").raw(fmt::format("{:.3f}", plan.ratio.error() / 1000.0));
    if (plan.ratio.lessons() != 0) json.key("learntFrom").number(plan.ratio.lessons());
  }
  if (!plan.model.empty()) {
    json.key("model").string(plan.model);
    if (!answer.cost_usd.empty()) json.key("inputCostUsd").string(answer.cost_usd);
  }
  json.end_object();
  return out;
}

std::string count_text(const CountPlan& plan, const CountAnswer& answer) {
  const TokenizerOf& tokenizer = plan.tokenizer;
  std::string out = with_thousands(std::to_string(answer.tokens));
  out += answer.tokens == 1 ? " token" : " tokens";
  if (tokenizer.exact) {
    out += fmt::format(" ({})", name_of(tokenizer.encoding));
  } else {
    out += fmt::format(", estimated: {:.2f} x {}, give or take {} %", plan.ratio.ratio() / 1000.0,
                       name_of(tokenizer.encoding), (plan.ratio.error() + 9) / 10);
    if (plan.ratio.lessons() != 0) {
      out += fmt::format(" (learnt from {} replies)", plan.ratio.lessons());
    }
  }
  if (plan.model.empty()) return out;
  if (answer.cost_usd.empty()) return out + fmt::format("; no price is known for {}", plan.model);
  return out + fmt::format("; {} USD as input of {}", answer.cost_usd, plan.model);
}

CommandResult<std::string_view> text_of_line(std::string& line) {
  thread_local simdjson::ondemand::parser parser;
  const std::size_t size = line.size();
  line.resize(size + simdjson::SIMDJSON_PADDING);
  const auto wrong = [](std::string_view what) {
    return CommandFailure{kExitDamaged,
                          fmt::format("{}; --jsonl takes a JSON object with a string \"text\"", what)};
  };
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  const auto begun = parser.iterate(line.data(), size, line.size()).get(document);
  if (begun == simdjson::UTF8_ERROR) return wrong("not UTF-8");
  if (begun || document.get_object().get(object)) return wrong("not a JSON object");
  std::string_view text;
  bool found = false;
  for (auto each : object) {
    simdjson::ondemand::field field;
    std::string_view key;
    if (std::move(each).get(field) || field.unescaped_key().get(key)) return wrong("not valid JSON");
    if (key != "text") continue;
    simdjson::ondemand::json_type type;
    if (field.value().type().get(type) || type != simdjson::ondemand::json_type::string) {
      return wrong("\"text\" is no string");
    }
    text = field.value().raw_json_token();
    found = true;
  }
  const char* behind = nullptr;
  if (document.current_location().get(behind) == simdjson::SUCCESS) return wrong("not valid JSON");
  if (!found) return wrong("no \"text\"");
  text = text.substr(0, text.rfind('"'));
  return text.substr(1);
}

int run_count(const Settings& settings, const CountOptions& options) {
  auto plan = plan_count(options);
  if (!plan) return complain(plan.error());
  if (!plan->tokenizer.exact) {
    if (const auto learnt = learnt_ratio(settings.data_dir, plan->model)) plan->ratio = *learnt;
  }
  auto counter = TokenCounter::make(plan->tokenizer.encoding);
  if (!counter) {
    return complain({kExitConfig,
                     fmt::format("this farebox was built without the vocabulary of {}; run ./dev "
                                 "setup, which fetches it, and build again",
                                 name_of(plan->tokenizer.encoding))});
  }
  return options.jsonl ? count_lines(*plan, options, *counter)
                       : count_whole(*plan, settings.prices, options, *counter);
}

}  // namespace farebox
