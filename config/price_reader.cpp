#include "config/price_reader.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "config/litellm_reader.hpp"
#include "config/price_json.hpp"

namespace farebox {

using namespace price_json;

namespace {

// A card that can't be read, for the message: by what was read of it so far, since the
// parser is of no use after a mistake.
std::string label_of(const PriceCard& card, std::size_t number) {
  if (!card.id.empty()) return "'" + card.id.substr(0, 80) + "'";
  if (!card.model.empty()) return "'" + card.model.substr(0, 80) + "'";
  return "number " + std::to_string(number);
}

void mark_variants(std::vector<PriceCard>& cards) {
  std::set<std::pair<std::string_view, std::string_view>> models;
  for (const PriceCard& card : cards) {
    if (!card.variant.empty()) models.emplace(card.provider, card.model);
  }
  for (PriceCard& card : cards) {
    card.has_variants = models.contains({card.provider, card.model});
  }
}

void check_ids(const std::vector<PriceCard>& cards) {
  std::vector<std::pair<std::string_view, std::int32_t>> ids;
  for (const PriceCard& card : cards) ids.emplace_back(card.id, card.from_day);
  std::sort(ids.begin(), ids.end());
  const auto twice = std::adjacent_find(ids.begin(), ids.end());
  if (twice != ids.end()) throw Mistake{"card '" + std::string(twice->first) + "' is there twice"};
}

std::vector<PriceCard> read_cards(json::array array, int places) {
  std::vector<PriceCard> cards;
  for (auto element : array) {
    json::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS) {
      throw Mistake{"card number " + std::to_string(cards.size() + 1) + " is no JSON object"};
    }
    PriceCard card;
    std::vector<PriceCard> later;
    try {
      read_card(object, places, CardKind::listed, card, later);
    } catch (const Mistake& mistake) {
      throw Mistake{"card " + label_of(card, cards.size() + 1) + ": " + mistake.what};
    } catch (const simdjson::simdjson_error& error) {
      throw Mistake{"card " + label_of(card, cards.size() + 1) + ": " + error.what()};
    }
    cards.push_back(std::move(card));
    std::move(later.begin(), later.end(), std::back_inserter(cards));
  }
  check_ids(cards);
  mark_variants(cards);
  return cards;
}

// Call after the whole document was walked.
void check_end(json::document& document) {
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    throw Mistake{"text follows the end of the JSON object"};
  }
}

PriceFile read_document(json::document document) {
  PriceFile file;
  int places = token_places(1'000'000);
  bool has_schema = false;
  bool has_models = false;
  SeenKeys seen;
  json::object object = document.get_object();
  for (json::field field : object) {
    const std::string_view key = field.unescaped_key();
    seen.add(key);
    if (key == "schema") {
      if (count_of(field.value(), key) != 1) throw Mistake{"only 'schema' 1 is known"};
      has_schema = true;
    } else if (key == "version") {
      file.version = text_of(field.value(), key);
    } else if (key == "currency") {
      if (text_of(field.value(), key) != "USD") throw Mistake{"'currency' must be USD"};
    } else if (key == "token_unit") {
      if (has_models) throw Mistake{"'token_unit' comes before 'models'"};
      places = token_places(count_of(field.value(), key));
    } else if (key == "models") {
      file.cards = read_cards(field.value().get_array(), places);
      has_models = true;
    } else if (is_note(key)) {
      text_of(field.value(), key);
    } else {
      throw Mistake{"'" + std::string(key) + "' is not known"};
    }
  }
  if (!has_schema || !has_models) throw Mistake{"it needs \"schema\": 1 and \"models\": [...]"};
  check_end(document);
  return file;
}

// Runs `read` and turns what it throws into an Error that begins with `source_name`.
template <class Read>
auto reading(std::string_view source_name, Read read) -> Result<decltype(read())> {
  std::string why;
  try {
    return read();
  } catch (const Mistake& mistake) {
    why = mistake.what;
  } catch (const simdjson::simdjson_error& error) {
    why = std::string("it is not the JSON of a price file: ") + error.what();
  }
  return Error(ErrorCode::invalid_config, std::string(source_name) + ": " + why);
}

}  // namespace

Result<PriceFile> read_price_file(std::string_view json, std::size_t readable,
                                  std::string_view source_name) {
  return reading(source_name, [&] {
    if (json.empty()) throw Mistake{"it is empty"};
    json::parser parser;
    simdjson::padded_string copy;
    simdjson::padded_string_view text(json.data(), json.size(), readable);
    if (readable < json.size() + simdjson::SIMDJSON_PADDING) {
      copy = simdjson::padded_string(json);
      text = copy;
    }
    json::document looked_at = parser.iterate(text);
    if (is_litellm(looked_at.get_object())) {
      json::document document = parser.iterate(text);
      PriceFile file = read_litellm(document.get_object());
      check_end(document);
      if (file.cards.empty()) throw Mistake{"it has no model with a price"};
      mark_variants(file.cards);
      return file;
    }
    return read_document(parser.iterate(text));
  });
}

Result<std::vector<PriceCard>> read_price_override(std::string_view model,
                                                   std::string_view json) {
  return reading("price override of '" + std::string(model) + "'", [&] {
    json::parser parser;
    const simdjson::padded_string text(json);
    json::document document = parser.iterate(text);
    PriceCard card;
    card.provider = "*";
    card.model = model;
    std::vector<PriceCard> cards;
    read_card(document.get_object(), token_places(1'000'000), CardKind::override_card, card,
              cards);
    check_end(document);
    cards.insert(cards.begin(), std::move(card));
    return cards;
  });
}

}  // namespace farebox
