// How a price card looks: to people as tables, to programs as JSON.
#include <fmt/format.h>

#include "config/base/json_writer.hpp"
#include "config/price_decimal.hpp"
#include "proxy/prices_command.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

constexpr int kPerMillionPlaces = 12;  // of attodollars for one
constexpr int kUnitPlaces = 18;

std::string title_of(const TokenRates& rates) {
  std::string title(name_of(rates.tier));
  if (rates.above_input_tokens != 0) {
    title += " above " + with_thousands(std::to_string(rates.above_input_tokens));
  }
  return title;
}

// A price that isn't published stands in brackets: it is that of the next of kin.
std::string cell_of(const TokenRates& rates, TokenClass name) {
  if (rates.of(name) == kUnpublished) return "-";
  const std::string price = write_decimal(rates.of(name), kPerMillionPlaces);
  return rates.is_published(name) ? price : "(" + price + ")";
}

bool any_published(const PriceCard& card, TokenClass name) {
  for (const TokenRates& rates : card.rates) {
    if (rates.is_published(name)) return true;
  }
  return false;
}

std::string day_text(std::int32_t day) {
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(day))};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string facts_of(const PriceCard& card) {
  std::string line = "  " + (card.mode.empty() ? std::string("mode not known") : card.mode);
  const auto add = [&line](const char* what, std::uint64_t count) {
    if (count != 0) line += fmt::format(", {} {}", what, with_thousands(std::to_string(count)));
  };
  add("context", card.context_window);
  add("at most out", card.max_output_tokens);
  add("dimensions", card.embedding_dimensions);
  if (!card.tokenizer.empty()) line += ", tokenizer " + card.tokenizer;
  if (card.from_day != kAlways) line += ", from " + day_text(card.from_day);
  return line + "\n";
}

std::string source_of(const PriceNotes& notes) {
  std::string line;
  const auto add = [&line](std::string_view what, const std::string& text) {
    if (!text.empty()) line += fmt::format("{}{}{}", line.empty() ? "  " : ", ", what, text);
  };
  add("source ", notes.source);
  add("of ", notes.date);
  add("", notes.price_page);
  add("retires ", notes.deprecation_date);
  if (!line.empty()) line += "\n";
  if (!notes.comment.empty()) line += "  " + notes.comment + "\n";
  return line;
}

void write_rates(JsonWriter& json, const PriceCard& card) {
  json.key("rates").begin_array();
  for (const TokenRates& rates : card.rates) {
    json.begin_object().key("tier").string(name_of(rates.tier));
    json.key("aboveInputTokens").number(rates.above_input_tokens);
    json.key("usdPerMillionTokens").begin_object();
    for (std::size_t i = 0; i < kTokenClasses; ++i) {
      const auto name = static_cast<TokenClass>(i);
      if (rates.is_published(name)) {
        json.key(name_of(name)).string(write_decimal(rates.of(name), kPerMillionPlaces));
      }
    }
    json.end_object().end_object();
  }
  json.end_array();
}

void write_card(JsonWriter& json, const PriceCard& card) {
  json.begin_object().key("id").string(card.id).key("seller").string(card.provider);
  json.key("model").string(card.model).key("region").string(card.region);
  json.key("variant").string(card.variant).key("mode").string(card.mode);
  json.key("aliases").begin_array();
  for (const std::string& alias : card.aliases) json.string(alias);
  json.end_array();
  json.key("from");
  if (card.from_day == kAlways) json.null();
  else json.string(day_text(card.from_day));
  json.key("contextWindow").number(card.context_window);
  json.key("maxOutputTokens").number(card.max_output_tokens);
  json.key("tokenizer").string(card.tokenizer).key("estimated").boolean(card.estimated);
  write_rates(json, card);
  json.key("usdPerUnit").begin_object();
  for (const UnitPrice& price : card.units) {
    json.key(name_of(price.unit)).string(write_decimal(price.attodollars, kUnitPlaces));
  }
  json.end_object().key("factors").begin_object();
  for (const PriceFactor& factor : card.factors) {
    json.foreign_key(std::string(name_of(factor.condition)) + "=" + factor.value)
        .string(write_decimal(factor.thousandths, 3));
  }
  json.end_object();
  json.key("webSearchPerQuery").boolean(card.web_search_per_query);
  json.key("webSearchPerPrompt").boolean(card.web_search_per_prompt);
  json.key("source").string(card.notes.source).key("date").string(card.notes.date);
  json.key("pricePage").string(card.notes.price_page);
  json.key("deprecationDate").string(card.notes.deprecation_date);
  json.key("comment").string(card.notes.comment).end_object();
}

}  // namespace

std::string price_text(const ShownPrice& shown, const std::string& model) {
  const PriceCard& card = *shown.match.card;
  std::string out = fmt::format("{}: '{}' at {}, by rule {}{}\n", card.id, model, shown.provider,
                                name_of(shown.match.rule),
                                shown.match.other_place || card.estimated ? ", an estimate" : "");
  out += facts_of(card);
  if (!card.rates.empty()) {
    TextTable table;
    table.add_column("USD per million tokens", TextTable::Align::left);
    for (const TokenRates& rates : card.rates) {
      table.add_column(title_of(rates), TextTable::Align::right);
    }
    for (std::size_t i = 0; i < kTokenClasses; ++i) {
      const auto name = static_cast<TokenClass>(i);
      if (!any_published(card, name)) continue;
      std::vector<std::string> row{std::string(name_of(name))};
      for (const TokenRates& rates : card.rates) row.push_back(cell_of(rates, name));
      table.add_row(row);
    }
    out += "\n" + table.text();
  }
  if (!card.units.empty()) {
    TextTable table;
    table.add_column("unit", TextTable::Align::left);
    table.add_column("USD for one", TextTable::Align::right);
    for (const UnitPrice& price : card.units) {
      table.add_row({std::string(name_of(price.unit)), write_decimal(price.attodollars, kUnitPlaces)});
    }
    out += "\n" + table.text();
  }
  if (!card.factors.empty()) out += "\n";
  for (const PriceFactor& factor : card.factors) {
    out += fmt::format("  times {} with {} {}\n", write_decimal(factor.thousandths, 3),
                       name_of(factor.condition), factor.value);
  }
  return out + "\n" + source_of(card.notes);
}

std::string price_json(const std::vector<ShownPrice>& shown, const std::string& model,
                       std::string_view version) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("model").string(model).key("priceVersion").string(version);
  json.key("prices").begin_array();
  for (const ShownPrice& each : shown) {
    json.begin_object().key("provider").string(each.provider);
    json.key("rule").string(name_of(each.match.rule));
    json.key("estimated").boolean(each.match.other_place || each.match.card->estimated);
    json.key("card");
    write_card(json, *each.match.card);
    json.end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

}  // namespace farebox
