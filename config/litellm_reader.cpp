#include "config/litellm_reader.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <span>

#include "config/price_decimal.hpp"
#include "config/price_seller.hpp"

namespace farebox::price_json {

namespace {

constexpr int kAttodollarPlaces = 18;
constexpr Int128 kMostPerToken = 1'000'000'000'000'000'000;
constexpr Int128 kMostPerUnit = Int128(kMostPerToken) * 10'000;

struct ClassField {
  std::string_view field;
  TokenClass name;
};
constexpr ClassField kClassFields[] = {
    {"input_cost_per_token", TokenClass::input},
    {"output_cost_per_token", TokenClass::output},
    {"cache_read_input_token_cost", TokenClass::cache_read},
    {"cache_creation_input_token_cost", TokenClass::cache_write_5m},
    {"cache_creation_input_token_cost_above_1hr", TokenClass::cache_write_1h},
    {"output_cost_per_reasoning_token", TokenClass::reasoning},
    {"input_cost_per_audio_token", TokenClass::audio_input},
    {"cache_read_input_audio_token_cost", TokenClass::audio_cache_read},
    {"cache_read_input_token_cost_per_audio_token", TokenClass::audio_cache_read},
    {"cache_creation_input_audio_token_cost", TokenClass::audio_cache_write},
    {"output_cost_per_audio_token", TokenClass::audio_output},
    {"input_cost_per_image_token", TokenClass::image_input},
    {"output_cost_per_image_token", TokenClass::image_output},
    {"output_cost_per_video_token", TokenClass::video_output},
    {"citation_cost_per_token", TokenClass::citation},
};

struct UnitField {
  std::string_view field;
  PriceUnit unit;
};
constexpr UnitField kUnitFields[] = {
    {"output_cost_per_image", PriceUnit::image_output},
    {"input_cost_per_image", PriceUnit::image_input},
    {"input_cost_per_pixel", PriceUnit::pixel_input},
    {"output_cost_per_pixel", PriceUnit::pixel_output},
    {"input_cost_per_second", PriceUnit::second_input},
    {"output_cost_per_second", PriceUnit::second_output},
    {"input_cost_per_audio_per_second", PriceUnit::audio_second_input},
    {"input_cost_per_video_per_second", PriceUnit::video_second_input},
    {"output_cost_per_video_per_second", PriceUnit::video_second_output},
    {"input_cost_per_character", PriceUnit::character_input},
    {"output_cost_per_character", PriceUnit::character_output},
    {"ocr_cost_per_page", PriceUnit::page_ocr},
    {"annotation_cost_per_page", PriceUnit::page_annotation},
    {"input_cost_per_query", PriceUnit::query},
    {"input_cost_per_request", PriceUnit::request},
    {"code_interpreter_cost_per_session", PriceUnit::code_interpreter_session},
    {"file_search_cost_per_1k_calls", PriceUnit::file_search_1k_calls},
    {"file_search_cost_per_gb_per_day", PriceUnit::file_search_gb_day},
    {"search_context_size_low", PriceUnit::web_search_low},
    {"search_context_size_medium", PriceUnit::web_search_medium},
    {"search_context_size_high", PriceUnit::web_search_high},
};

struct Renamed {
  std::string_view theirs, ours;
};
constexpr Renamed kModes[] = {
    {"image_generation", "image"}, {"image_edit", "image"},
    {"audio_transcription", "transcription"}, {"audio_speech", "speech"},
    {"video_generation", "video"},
};
// Where their name for a seller isn't ours with an underscore.
constexpr Renamed kSellers[] = {
    {"text-completion-openai", "openai"}, {"azure_text", "azure"}, {"azure_ai", "azure"},
    {"bedrock_converse", "bedrock"}, {"cohere_chat", "cohere"}, {"codestral", "mistral"},
    {"text-completion-codestral", "mistral"}, {"together_ai", "together"},
    {"fireworks_ai", "fireworks"}, {"fireworks_ai-embedding-models", "fireworks"},
    {"vercel_ai_gateway", "vercel-gateway"}, {"dashscope", "alibaba"},
};

std::string_view renamed(std::string_view theirs, std::span<const Renamed> names) {
  for (const Renamed& each : names) {
    if (each.theirs == theirs) return each.ours;
  }
  return theirs;
}

std::string seller_of(std::string_view theirs) {
  if (theirs.starts_with("vertex_ai")) return "vertex";
  std::string seller(renamed(theirs, kSellers));
  std::replace(seller.begin(), seller.end(), '_', '-');
  return seller;
}

// us-west-2, us-gov-east-1
bool is_aws_region(std::string_view text) {
  return text.size() > 6 && text[2] == '-' && text[text.size() - 2] == '-' &&
         text.back() >= '0' && text.back() <= '9';
}

bool is_azure_zone(std::string_view text) {
  return text == "eu" || text == "us" || text == "global" || text == "global-standard";
}

bool is_size(std::string_view text) {
  return text.find("-x-") != text.npos && text.front() >= '0' && text.front() <= '9';
}

bool is_quality(std::string_view text) {
  return text == "hd" || text == "standard" || text == "low" || text == "medium" || text == "high";
}

// Takes a key apart: who sells it, where, and which size.
void name_card(std::string_view key, std::string_view theirs, PriceCard& card) {
  std::string variant;
  std::string_view rest = key;
  const auto first = [&rest] { return rest.substr(0, rest.find('/')); };
  const auto skip = [&rest, &first] { rest.remove_prefix(first().size() + 1); };
  while (rest.find('/') != rest.npos) {
    const std::string_view part = first();
    const bool seller = part == theirs || seller_of(part) == card.provider;
    if (seller && rest == key) skip();
    else if (card.provider == "bedrock" && (part == "bedrock" || part == "invoke")) skip();
    else if (card.provider == "bedrock" && part.ends_with("-month-commitment")) variant = part, skip();
    else if ((card.provider == "bedrock" && is_aws_region(part)) ||
             (card.provider == "azure" && is_azure_zone(part))) {
      card.region = part;
      skip();
    } else if (is_size(part) || (is_quality(part) && is_size(rest.substr(part.size() + 1)))) {
      variant += (variant.empty() ? "" : "/") + std::string(part);
      skip();
    } else if (!variant.empty() && part.ends_with("-steps")) {
      variant += "/" + std::string(part);
      skip();
    } else {
      break;
    }
  }
  card.model = rest;
  card.variant = std::move(variant);
}

class Entry {
 public:
  Entry(std::string_view key, std::map<std::string, int>& unknown) : key_(key), unknown_(unknown) {}

  void read(json::object object) {
    for (json::field field : object) {
      const std::string key(std::string_view(field.unescaped_key()));
      json::value value = field.value();
      if (value.is_null()) continue;
      if (key == "litellm_provider") theirs_ = text_of(value, key);
      else if (key == "mode") card_.mode = renamed(text_of(value, key), kModes);
      else if (key == "source") card_.notes.price_page = text_of(value, key);
      else if (key == "deprecation_date") card_.notes.deprecation_date = text_of(value, key);
      else if (key == "max_input_tokens") card_.context_window = size_of(value);
      else if (key == "max_output_tokens") card_.max_output_tokens = size_of(value);
      else if (key == "output_vector_size") card_.embedding_dimensions = size_of(value);
      else if (key == "web_search_billing_unit") card_.web_search_per_query = text_of(value, key) == "per_query";
      else if (key == "search_context_cost_per_query") read_prices(value.get_object(), PriceTier::standard, 0);
      else if (key == "provider_specific_entry") read_factors(value.get_object());
      else if (key == "tiered_pricing") read_steps(value);
      else read_price(key, value, PriceTier::standard, 0);
    }
  }

  // Null when it has no price, or nobody sells it.
  std::optional<PriceCard> finish() {
    if (theirs_.empty() || (rows_.empty() && card_.units.empty())) return std::nullopt;
    card_.provider = seller_of(theirs_);
    name_card(key_, theirs_, card_);
    card_.rates = std::move(rows_);
    card_.notes.source = "litellm";
    const bool google = card_.provider == "gemini" || card_.provider == "vertex";
    const bool searches = card_.unit(PriceUnit::web_search_medium) != nullptr;
    card_.web_search_per_prompt =
        google && searches && !card_.web_search_per_query && card_.model.starts_with("gemini");
    // Sonar's fee is for the request, however often it searches; deep research's isn't.
    if (card_.provider == "perplexity" && searches) {
      card_.web_search_per_query = card_.model.find("deep-research") != std::string::npos;
      for (UnitPrice& price : card_.units) {
        if (card_.web_search_per_query) break;
        if (price.unit == PriceUnit::web_search_low) price.unit = PriceUnit::request_low;
        else if (price.unit == PriceUnit::web_search_medium) price.unit = PriceUnit::request_medium;
        else if (price.unit == PriceUnit::web_search_high) price.unit = PriceUnit::request_high;
      }
    }
    card_.id = usual_id(card_);
    complete_rates(card_);
    return std::move(card_);
  }

 private:
  // "128000"; some are written as strings or as 1e6.
  static std::uint64_t size_of(json::value value) {
    const auto size = price(value, 0, Int128(1) << 62);
    return size ? static_cast<std::uint64_t>(*size) : 0;
  }

  // Nothing when it isn't a number.
  static std::optional<Int128> price(json::value value, int places, Int128 most) {
    std::string_view digits;
    const json::json_type type = value.type();
    if (type == json::json_type::number) {
      digits = value.raw_json_token();
      digits = digits.substr(0, digits.find_last_not_of(" \t\r\n") + 1);
    } else if (type != json::json_type::string || value.get_string().get(digits) != simdjson::SUCCESS) {
      return std::nullopt;
    }
    const Result<Int128> found = read_decimal(digits, places, most, TooFine::rounded);
    if (!found) return std::nullopt;
    return *found;
  }

  TokenRates& row(PriceTier tier, std::uint64_t above) {
    for (TokenRates& rates : rows_) {
      if (rates.tier == tier && rates.above_input_tokens == above) return rates;
    }
    TokenRates& rates = rows_.emplace_back();
    rates.per_token.fill(kUnpublished);
    rates.tier = tier;
    rates.above_input_tokens = above;
    return rates;
  }

  void read_prices(json::object object, PriceTier tier, std::uint64_t above) {
    for (json::field field : object) {
      const std::string key(std::string_view(field.unescaped_key()));
      read_price(key, field.value(), tier, above);
    }
  }

  // input_cost_per_token_above_200k_tokens_priority
  void read_price(std::string_view key, json::value value, PriceTier tier, std::uint64_t above) {
    std::string_view field = key;
    const auto take = [&field](std::string_view suffix) {
      if (!field.ends_with(suffix)) return false;
      field.remove_suffix(suffix.size());
      return true;
    };
    for (int twice = 0; twice < 2; ++twice) {
      if (take("_flex")) tier = PriceTier::flex;
      else if (take("_priority")) tier = PriceTier::priority;
      else if (take("_batches")) tier = PriceTier::batch;
      const std::size_t at = field.rfind("_above_");
      if (at == field.npos || !field.ends_with("k_tokens")) continue;
      const std::string_view number = field.substr(at + 7, field.size() - at - 15);
      const Result<Int128> thousands = read_decimal(number, 3, Int128(1) << 40);
      if (!thousands) continue;
      above = static_cast<std::uint64_t>(*thousands);
      field = field.substr(0, at);
    }
    for (const ClassField& known : kClassFields) {
      if (known.field != field) continue;
      const auto found = price(value, kAttodollarPlaces, kMostPerToken);
      if (found) row(tier, above).publish(known.name, static_cast<Attodollars>(*found));
      else ++unknown_[std::string(key) + " (not a price)"];
      return;
    }
    for (const UnitField& known : kUnitFields) {
      if (known.field != field || tier != PriceTier::standard || above != 0) continue;
      const auto found = price(value, kAttodollarPlaces, kMostPerUnit);
      if (!found || card_.unit(known.unit) != nullptr) ++unknown_[std::string(key) + " (not a price)"];
      else card_.units.push_back({known.unit, *found});
      return;
    }
    if (key.find("cost") != key.npos || key.find("price") != key.npos) ++unknown_[std::string(key)];
  }

  // [{"range": [0, 32000], "input_cost_per_token": ...}, ...]
  void read_steps(json::value value) {
    for (json::object step : value.get_array()) {
      std::uint64_t above = 0;
      json::array range;
      if (step["range"].get_array().get(range) == simdjson::SUCCESS) {
        for (json::value from : range) {
          above = size_of(from);
          break;
        }
      }
      step.reset();
      for (json::field field : step) {
        const std::string key(std::string_view(field.unescaped_key()));
        if (key != "range") read_price(key, field.value(), PriceTier::standard, above);
      }
    }
  }

  // {"us": 1.1, "fast": 6.0}
  void read_factors(json::object object) {
    for (json::field field : object) {
      const std::string key(std::string_view(field.unescaped_key()));
      const auto thousandths = price(field.value(), 3, 1'000'000);
      if (!thousandths || *thousandths == 0) continue;
      const bool speed = key == "fast";
      card_.factors.push_back({speed ? PriceCondition::speed : PriceCondition::inference_geo, key,
                               static_cast<std::uint32_t>(*thousandths)});
    }
  }

  const std::string key_;
  std::map<std::string, int>& unknown_;
  std::string theirs_;
  PriceCard card_;
  std::vector<TokenRates> rows_;
};

}  // namespace

bool is_litellm(json::object object) {
  bool objects = false;
  for (json::field field : object) {
    const std::string_view key = field.unescaped_key();
    if (key == "schema" || key == "models") return false;
    if (field.value().type() == json::json_type::object) objects = true;
  }
  return objects;
}

PriceFile read_litellm(json::object object) {
  PriceFile file;
  file.litellm = true;
  std::map<std::string, int> unknown;
  std::map<std::string, std::size_t> ids;
  for (json::field field : object) {
    const std::string key(std::string_view(field.unescaped_key()));
    json::object inner;
    if (key == "sample_spec" || field.value().get_object().get(inner) != simdjson::SUCCESS) continue;
    Entry entry(key, unknown);
    entry.read(inner);
    std::optional<PriceCard> card = entry.finish();
    if (!card) continue;
    // One model under two keys: the key that names the seller is the later and richer one.
    const auto [place, is_new] = ids.emplace(card->id, file.cards.size());
    if (is_new) file.cards.push_back(std::move(*card));
    else if (key.find('/') != key.npos) file.cards[place->second] = std::move(*card);
  }
  for (const auto& [name, times] : unknown) {
    file.warnings.push_back("'" + name + "' is not used, " + std::to_string(times) + " times");
  }
  return file;
}

}  // namespace farebox::price_json
