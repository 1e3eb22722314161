#include "proxy/golden_bill.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/price_decimal.hpp"

namespace farebox {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kPlaces = 24;                     // of a line's amount
constexpr int kMorePlaces = kPlaces - 12;       // than a picodollar has
constexpr Int128 kMost = Int128(1'000'000'000'000) * 1'000'000'000'000 * 1'000'000'000;

struct Count {
  const char* name;
  Tokens Usage::*field;
};
constexpr Count kCounts[] = {
    {"inputTokens", &Usage::input},
    {"outputTokens", &Usage::output},
    {"cachedInputTokens", &Usage::cached_input},
    {"cacheWriteTokens", &Usage::cache_write},
    {"cacheWrite1hTokens", &Usage::cache_write_1h},
    {"toolUseInputTokens", &Usage::tool_use_input},
    {"audioInputTokens", &Usage::audio_input},
    {"imageInputTokens", &Usage::image_input},
    {"reasoningTokens", &Usage::reasoning},
    {"audioOutputTokens", &Usage::audio_output},
    {"imageOutputTokens", &Usage::image_output},
    {"citationTokens", &Usage::citation},
};
constexpr Count kUnits[] = {
    {"characters", &Usage::characters}, {"queries", &Usage::queries},
    {"pages", &Usage::pages},           {"annotatedPages", &Usage::annotated_pages},
};

struct Word {
  const char* name;
  std::string Usage::*field;
};
constexpr Word kWords[] = {
    {"serviceTier", &Usage::service_tier},
    {"inferenceGeo", &Usage::inference_geo},
    {"speed", &Usage::speed},
    {"variant", &Usage::variant},
    {"searchContext", &Usage::search_context},
};

Tokens count_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? 0 : found->get<Tokens>();
}

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() ? std::string() : found->get<std::string>();
}

// Exact, or an exception as nlohmann's reads throw them.
Int128 decimal_in(const std::string& text, int places) {
  const bool negative = text.starts_with('-');
  const auto value = read_decimal(std::string_view(text).substr(negative ? 1 : 0), places, kMost);
  if (!value) throw std::runtime_error(value.error().context);
  return negative ? -*value : *value;
}

UsageExtra extra_of(const Json& said) {
  UsageExtra extra;
  extra.type = text_in(said, "type");
  extra.model = text_in(said, "model");
  extra.input = count_in(said, "inputTokens");
  extra.output = count_in(said, "outputTokens");
  extra.cached_input = count_in(said, "cachedInputTokens");
  extra.cache_write = count_in(said, "cacheWriteTokens");
  extra.cache_write_1h = count_in(said, "cacheWrite1hTokens");
  extra.count = count_in(said, "count");
  return extra;
}

Usage usage_of(const Json& said) {
  Usage usage;
  usage.source = UsageSource::reported;
  for (const Count& count : kCounts) usage.*count.field = count_in(said, count.name);
  for (const Word& word : kWords) usage.*word.field = text_in(said, word.name);
  if (const auto units = said.find("units"); units != said.end()) {
    for (const Count& count : kUnits) usage.*count.field = count_in(*units, count.name);
    usage.images = count_in(*units, "images");
    if (units->contains("seconds")) {
      usage.microseconds = static_cast<std::uint64_t>(decimal_in(text_in(*units, "seconds"), 6));
    }
  }
  if (said.contains("reportedCostUsd")) {
    usage.reported_cost = Money::picodollars(decimal_in(text_in(said, "reportedCostUsd"), 12));
  }
  if (const auto extras = said.find("extras"); extras != said.end()) {
    for (const Json& extra : *extras) usage.extras.push_back(extra_of(extra));
  }
  return usage;
}

DialectName dialect_of(const std::string& word) {
  for (int i = 0; i <= static_cast<int>(DialectName::ollama); ++i) {
    const auto name = static_cast<DialectName>(i);
    if (name_of(name) == word) return name;
  }
  throw std::runtime_error("'" + word + "' is no dialect");
}

// A text stands for itself, anything else for its JSON.
std::string octets_of(const Json& body) {
  return body.is_string() ? body.get<std::string>() : body.dump();
}

GoldenBill bill_of(const Json& said) {
  GoldenBill bill;
  bill.id = said.at("id").get<std::string>();
  bill.says = text_in(said, "says");
  bill.model = said.at("model").get<std::string>();
  bill.call.provider = said.at("provider").get<std::string>();
  bill.call.dialect = dialect_of(said.at("dialect").get<std::string>());
  bill.call.path = said.at("request").at("path").get<std::string>();
  bill.call.request = octets_of(said.at("request").at("body"));
  bill.call.model = text_in(said.at("request"), "model");
  bill.call.status = said.at("reply").at("status").get<int>();
  bill.call.content_type = text_in(said.at("reply"), "contentType");
  bill.call.reply = octets_of(said.at("reply").at("body"));
  if (!said.at("usage").is_null()) bill.usage = usage_of(said.at("usage"));
  if (!said.at("total").is_null()) {
    bill.total = Money::picodollars(decimal_in(said.at("total").get<std::string>(), 12));
  }
  bill.estimated = said.at("estimated").get<bool>();
  bill.estimated_by = said.at("estimatedBy").get<std::vector<std::string>>();
  Int128 sum = 0;
  for (const Json& line : said.at("lines")) {
    sum += decimal_in(line.at("amount").get<std::string>(), kPlaces);
  }
  Int128 scale = 1;
  for (int i = 0; i < kMorePlaces; ++i) scale *= 10;
  if (!said.at("lines").empty()) {
    bill.lines_sum = Money::picodollars((sum + scale / 2) / scale);
  }
  return bill;
}

// Searches, sub-inferences; what costs nothing may be left out.
std::vector<UsageExtra> billed(const std::vector<UsageExtra>& extras) {
  std::vector<UsageExtra> kept;
  for (const UsageExtra& extra : extras) {
    if (extra.type != "web_fetch") kept.push_back(extra);
  }
  return kept;
}

std::string shown(const UsageExtra& extra) {
  return fmt::format("{} {}: {} in, {} cached, {} written, {} for an hour, {} out, {} times",
                     extra.type, extra.model, extra.input, extra.cached_input, extra.cache_write,
                     extra.cache_write_1h, extra.output, extra.count);
}

}  // namespace

bool is_golden(std::string_view text) {
  const Json file = Json::parse(text, nullptr, false);
  return file.is_object() && file.contains("bills") && file["bills"].is_array();
}

Result<std::vector<GoldenBill>> read_golden_bills(std::string_view text,
                                                  std::string_view source_name) {
  const Json file = Json::parse(text, nullptr, false);
  if (!file.is_object() || !file.contains("bills")) {
    return Error(ErrorCode::invalid_config, std::string(source_name) + ": it has no bills");
  }
  std::vector<GoldenBill> bills;
  for (const Json& said : file["bills"]) {
    try {
      bills.push_back(bill_of(said));
    } catch (const std::exception& error) {
      const std::string id = said.is_object() && said.contains("id") ? said["id"].dump() : "one";
      return Error(ErrorCode::invalid_config,
                   fmt::format("{}: bill {}: {}", source_name, id, error.what()));
    }
  }
  return bills;
}

std::vector<std::string> usage_differences(const Usage& found,
                                           const std::optional<Usage>& wanted) {
  std::vector<std::string> out;
  const bool reported = found.source == UsageSource::reported;
  if (reported != wanted.has_value()) {
    out.push_back(reported ? "a usage was read where none is said" : "no usage was read");
  }
  if (!reported || !wanted) return out;
  const auto compare = [&](std::string_view name, const auto& have, const auto& want) {
    if (have != want) out.push_back(fmt::format("{} is {}, not {}", name, have, want));
  };
  for (const Count& count : kCounts) compare(count.name, found.*count.field, (*wanted).*count.field);
  for (const Count& count : kUnits) compare(count.name, found.*count.field, (*wanted).*count.field);
  for (const Word& word : kWords) {
    // A size that sets no price needn't be told.
    if (((*wanted).*word.field).empty() && word.field == &Usage::variant) continue;
    compare(word.name, found.*word.field, (*wanted).*word.field);
  }
  if (wanted->images != 0) compare("images", found.images, wanted->images);
  compare("microseconds", found.microseconds, wanted->microseconds);
  if (wanted->reported_cost) {
    compare("reportedCostUsd", found.reported_cost ? found.reported_cost->decimal() : "nothing",
            wanted->reported_cost->decimal());
  }
  const std::vector<UsageExtra> have = billed(found.extras), want = billed(wanted->extras);
  compare("the number of extras", have.size(), want.size());
  for (std::size_t i = 0; i < std::min(have.size(), want.size()); ++i) {
    compare("an extra", shown(have[i]), shown(want[i]));
  }
  return out;
}

std::vector<std::string> bill_differences(const Bill& found, const GoldenBill& wanted) {
  std::vector<std::string> out;
  if (found.priced != wanted.total.has_value()) {
    out.push_back(found.priced ? "it was priced, at " + found.cost.decimal()
                               : "no price was found, and it is " + wanted.total->decimal());
  } else if (found.priced && found.cost != *wanted.total) {
    out.push_back(fmt::format("the total is {}, not {}", found.cost.decimal(),
                              wanted.total->decimal()));
  }
  const std::vector<std::string> rules = names_of(found.estimated_by);
  if (found.priced && wanted.total && rules != wanted.estimated_by) {
    out.push_back(fmt::format("estimated by [{}], not [{}]", fmt::join(rules, ", "),
                              fmt::join(wanted.estimated_by, ", ")));
  }
  return out;
}

std::vector<std::string> differences(const ReplyBill& found, const GoldenBill& wanted) {
  std::vector<std::string> out = usage_differences(found.reading.usage, wanted.usage);
  const std::vector<std::string> more = bill_differences(found.bill, wanted);
  out.insert(out.end(), more.begin(), more.end());
  if (found.model != wanted.model && wanted.total && wanted.usage) {
    out.push_back(fmt::format("the model is {}, not {}", found.model, wanted.model));
  }
  return out;
}

std::vector<std::string> names_of(Estimates rules) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kEstimates; ++i) {
    const auto rule = static_cast<Estimate>(i);
    if (rules.has(rule)) names.emplace_back(name_of(rule));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace farebox
