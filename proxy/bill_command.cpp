#include "proxy/bill_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "config/base/json_writer.hpp"
#include "config/price_seller.hpp"
#include "config/price_table.hpp"
#include "config/small_file.hpp"
#include "proxy/bill_rows.hpp"
#include "proxy/golden_bill.hpp"
#include "proxy/output.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

constexpr std::size_t kMostOctets = 64 << 20;

// One bill with what there is to say of it.
struct Shown {
  std::string id;    // empty: a plain reply
  std::string says;
  ReplyBill found;
  std::vector<BillRow> rows;
  std::vector<std::string> differs;
};

CommandResult<std::string> standard_input() {
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0) return CommandFailure{kExitIo, "standard input can't be read"};
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > kMostOctets) return CommandFailure{kExitDamaged, "standard input is too large"};
  }
}

CommandResult<std::string> text_of(const std::string& file) {
  if (file == "-") return standard_input();
  auto text = read_small_file(file, kMostOctets);
  if (!text) return CommandFailure{kExitIo, fmt::format("{}: {}", file, text.error().context)};
  return std::move(*text);
}

// What the provider speaks: as configured, else by its name.
DialectName dialect_of(const Settings& settings, const std::string& provider) {
  for (const ProviderSettings& each : settings.providers) {
    if (each.name == provider) return each.dialect;
  }
  const std::string_view seller = sellers_of(provider, DialectName::openai).names[1];
  for (int i = 0; i <= static_cast<int>(DialectName::ollama); ++i) {
    const auto name = static_cast<DialectName>(i);
    if (name_of(name) == seller) return name;
  }
  return seller == "vertex" ? DialectName::gemini : DialectName::openai;
}

std::string usual_path(DialectName dialect, const std::string& model) {
  const std::string name = model.empty() ? "model" : model;
  switch (dialect) {
    case DialectName::anthropic: return "/v1/messages";
    case DialectName::gemini: return fmt::format("/v1beta/models/{}:generateContent", name);
    case DialectName::cohere: return "/v2/chat";
    case DialectName::bedrock: return fmt::format("/model/{}/converse", name);
    case DialectName::ollama: return "/api/chat";
    default: return "/v1/chat/completions";
  }
}

Shown plain(const Settings& settings, const BillOptions& options, const PriceTable& prices,
            std::string reply) {
  RepliedCall call;
  call.provider = options.provider;
  call.dialect = dialect_of(settings, options.provider);
  call.model = options.model;
  call.path = options.path.empty() ? usual_path(call.dialect, options.model) : options.path;
  call.reply = std::move(reply);
  Shown shown;
  shown.found = bill_reply(call, prices);
  shown.rows = rows_of(shown.found);
  return shown;
}

std::string total_text(const ReplyBill& found) {
  if (found.bill.priced) return found.bill.cost.decimal();
  return found.reading.usage.source == UsageSource::none ? "no usage was read" : "no price";
}

std::string for_people(const Shown& shown) {
  std::string out = shown.id.empty() ? shown.found.model : shown.id + ": " + shown.says;
  out += "\n";
  TextTable table;
  table.add_column("", TextTable::Align::left);
  for (const char* const title : {"count", "USD", "per", "times", "amount USD"}) {
    table.add_column(title, TextTable::Align::right);
  }
  for (const BillRow& row : shown.rows) {
    table.add_row({row.what, row.count, row.usd.empty() ? "-" : row.usd, row.per,
                   row.times == "1" ? "" : row.times, row.amount.empty() ? "-" : row.amount});
  }
  const std::vector<std::string> rules = names_of(shown.found.bill.estimated_by);
  const std::string why =
      rules.empty() ? "" : fmt::format(" (estimated: {})", fmt::join(rules, ", "));
  table.add_row({shown.found.billed ? "total" + why : "costs nothing", "", "", "", "",
                 total_text(shown.found)});
  out += table.text();
  for (const std::string& difference : shown.differs) out += "DIFFERS: " + difference + "\n";
  return out + "\n";
}

void write_json(JsonWriter& json, const Shown& shown) {
  const ReplyBill& found = shown.found;
  const Usage& usage = found.reading.usage;
  json.begin_object();
  if (!shown.id.empty()) json.key("id").string(shown.id);
  json.key("endpoint").string(name_of(found.endpoint)).key("model").string(found.model);
  json.key("card");
  if (found.card != nullptr) json.string(found.card->id);
  else json.null();
  // Without a usage they aren't zero, they are unknown.
  const bool known = usage.source != UsageSource::none || !found.billed;
  for (const auto& [name, tokens] : {std::pair{"inputTokens", usage.input},
                                     std::pair{"outputTokens", usage.output}}) {
    json.key(name);
    if (known) json.number(tokens);
    else json.null();
  }
  json.key("lines").begin_array();
  for (const BillRow& row : shown.rows) {
    json.begin_object().key("what").string(row.what).key("count").string(row.count);
    json.key("usd").string(row.usd).key("per").string(row.per).key("times").string(row.times);
    json.key("amount").string(row.amount).end_object();
  }
  json.end_array().key("costUsd");
  if (found.bill.priced) json.string(found.bill.cost.decimal());
  else json.null();
  json.key("priced").boolean(found.bill.priced);
  json.key("estimated").boolean(found.bill.estimated).key("estimatedBy").begin_array();
  for (const std::string& rule : names_of(found.bill.estimated_by)) json.string(rule);
  json.end_array().key("differences").begin_array();
  for (const std::string& difference : shown.differs) json.string(difference);
  json.end_array().end_object();
}

CommandResult<std::vector<Shown>> bills_of(const Settings& settings, const BillOptions& options,
                                           const PriceTable& prices) {
  std::vector<Shown> all;
  const std::vector<std::string> input{"-"};
  for (const std::string& file : options.files.empty() ? input : options.files) {
    auto text = text_of(file);
    if (!text) return text.error();
    if (!is_golden(*text)) {
      all.push_back(plain(settings, options, prices, std::move(*text)));
      continue;
    }
    const auto golden = read_golden_bills(*text, file);
    if (!golden) return CommandFailure{kExitDamaged, golden.error().context};
    for (const GoldenBill& wanted : *golden) {
      Shown& shown = all.emplace_back();
      shown.id = wanted.id;
      shown.says = wanted.says;
      shown.found = bill_reply(wanted.call, prices);
      shown.rows = rows_of(shown.found);
      shown.differs = differences(shown.found, wanted);
    }
  }
  return all;
}

}  // namespace

int run_bill(const Settings& settings, const BillOptions& options) {
  const auto prices = load_prices(settings.prices);
  if (!prices) return complain({kExitConfig, prices.error().context});
  const auto all = bills_of(settings, options, *prices);
  if (!all) return complain(all.error());

  std::size_t different = 0, golden = 0;
  Money total;
  std::string text, list;
  JsonWriter json(list);
  json.begin_object().key("priceVersion").string(prices->version()).key("bills").begin_array();
  for (const Shown& shown : *all) {
    different += shown.differs.empty() ? 0 : 1;
    golden += shown.id.empty() ? 0 : 1;
    if (shown.found.bill.priced) total += shown.found.bill.cost;
    text += for_people(shown);
    write_json(json, shown);
  }
  json.end_array().key("totalUsd").string(total.decimal());
  json.key("different").number(std::uint64_t{different}).end_object();
  list += "\n";
  if (golden != 0) {
    text += fmt::format("{} bills of {} USD, {} of them different\n", golden, total.decimal(), different);
  }
  const int said = say(options.json || !on_terminal() ? list : text);
  return said == 0 && different != 0 ? kExitDamaged : said;
}

}  // namespace farebox
