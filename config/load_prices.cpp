// prices: a file of cards and its key, overrides that are kept as compact JSON, and factors.
//
// Numbers stay the decimal texts they are (5.46875e-07), because prices are exact.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/load_sections.hpp"
#include "config/price_decimal.hpp"
#include "config/price_signature.hpp"

namespace farebox {

namespace {

// number = [ minus ] int [ frac ] [ exp ], RFC 8259 section 6.
bool is_json_number(std::string_view text) {
  const auto digits = [&] {
    const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(end);
    return end;
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero_first = text.starts_with('0');
  const std::size_t whole = digits();
  if (whole == 0 || (zero_first && whole > 1)) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string to_json(const ValueReader& value);

std::string to_json_map(const ValueReader& value) {
  std::string json;
  value.map([&](MapReader& keys) {
    keys.each([&](const std::string& key, const ValueReader& item) {
      json += fmt::format("{}{}:{}", json.empty() ? "" : ",", json_string(key), to_json(item));
    });
  });
  return "{" + json + "}";
}

std::string to_json_list(const ValueReader& value) {
  std::string json;
  value.list([&](const ValueReader& item) {
    json += fmt::format("{}{}", json.empty() ? "" : ",", to_json(item));
  });
  return "[" + json + "]";
}

std::string to_json(const ValueReader& value) {
  switch (value.node().kind) {
    case YamlNode::Kind::null: return "null";
    case YamlNode::Kind::map: return to_json_map(value);
    case YamlNode::Kind::list: return to_json_list(value);
    case YamlNode::Kind::scalar: break;
  }
  const std::optional<std::string> text = value.scalar();
  if (!text) return "null";
  const bool literal = *text == "true" || *text == "false" || is_json_number(*text);
  return literal && !value.node().quoted ? *text : json_string(*text);
}

// A factor of at most six decimals, above 0 and up to 1000, exactly.
std::optional<std::uint32_t> factor_of(std::string_view text) {
  const Result<Int128> millionths = read_decimal(text, 6, Int128(1'000'000'000));
  if (!millionths || *millionths == 0) return std::nullopt;
  return static_cast<std::uint32_t>(*millionths);
}

void read_adjustment(MapReader& keys, const Settings& settings, PriceAdjustment& adjustment) {
  keys.read("provider", adjustment.provider, [&](std::string_view text) -> Result<void> {
    if (text == "*") return {};
    return check_known_provider(text, settings);
  });
  keys.read("key", adjustment.key, name_text);
  keys.require("factor", "factor: \"0.85\" for a discount of 15 %, \"1.2\" for a margin of 20 %");
  const auto value = keys.find("factor");
  if (!value) return;
  const std::optional<std::string> text = value->scalar();
  if (!text) return;
  const auto millionths = factor_of(*text);
  if (millionths) adjustment.millionths = *millionths;
  else value->refuse("is not a factor; write a decimal above 0 and up to 1000 with at most six "
                     "decimals, such as 0.85");
}

}  // namespace

void read_prices(MapReader& root, Settings& settings) {
  root.map("prices", [&](MapReader& keys) {
    keys.read("file", settings.prices.file, readable_file);
    keys.read("public_key", settings.prices.public_key, [](std::string_view text) -> Result<void> {
      if (text.empty()) return {};
      return price_key_text(text);
    });
    if (!settings.prices.public_key.empty() && settings.prices.file.empty() &&
        !keys.is_broken("file")) {
      keys.refuse("public_key", "is there without prices.file, and the bundled prices need none; "
                                "add file or remove public_key");
    }
    keys.list("adjust", [&](const ValueReader& item) {
      PriceAdjustment& adjustment = settings.prices.adjust.emplace_back();
      item.map([&](MapReader& each) { read_adjustment(each, settings, adjustment); });
    });
    keys.map("overrides", [&](MapReader& overrides) {
      overrides.each([&](const std::string& model, const ValueReader& value) {
        const Result<void> named = name_text(model);
        if (!named) value.refuse_unseen(named.error().context);
        if (value.node().kind != YamlNode::Kind::map || value.node().items.empty()) {
          return value.refuse_unseen("is not a map of prices, a model needs at least one; write it "
                                     "like {input: \"1.5\", output: \"6\"}");
        }
        settings.prices.overrides[model] = to_json(value);
      });
    });
  });
}

}  // namespace farebox
