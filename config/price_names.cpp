#include "config/price_names.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "config/price_seller.hpp"
#include "config/price_text.hpp"

namespace farebox {

namespace {

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_date(std::string_view year, std::string_view month, std::string_view day) {
  return all_digits(year) && all_digits(month) && all_digits(day) && year.starts_with("20") &&
         month >= "01" && month <= "12" && day >= "01" && day <= "31";
}

// The name without "-2024-07-18", "-20250929", "@20250929" or "@default"; empty when it
// has none of them.
std::string_view without_date(std::string_view name) {
  if (name.size() > 11) {
    const std::string_view end = name.substr(name.size() - 11);
    if (end[0] == '-' && end[5] == '-' && end[8] == '-' &&
        is_date(end.substr(1, 4), end.substr(6, 2), end.substr(9, 2))) {
      return name.substr(0, name.size() - 11);
    }
  }
  if (name.size() > 9) {
    const std::string_view end = name.substr(name.size() - 9);
    if ((end[0] == '-' || end[0] == '@') &&
        is_date(end.substr(1, 4), end.substr(5, 2), end.substr(7, 2))) {
      return name.substr(0, name.size() - 9);
    }
  }
  constexpr std::string_view kDefault = "@default";
  if (name.size() > kDefault.size() && name.ends_with(kDefault)) {
    return name.substr(0, name.size() - kDefault.size());
  }
  return {};
}

// The name without a path or an ARN around it; empty when that says nothing about a model.
std::string_view without_path(std::string_view name) {
  if (name.starts_with("arn:")) {
    const bool says = name.find(":foundation-model/") != name.npos ||
                      name.find(":inference-profile/") != name.npos;
    return says ? name.substr(name.rfind('/') + 1) : std::string_view();
  }
  if (name.starts_with("models/")) return name.substr(7);
  if (name.starts_with("publishers/") || name.starts_with("projects/")) {
    constexpr std::string_view kModels = "/models/";
    const std::size_t at = name.rfind(kModels);
    return at == name.npos ? std::string_view() : name.substr(at + kModels.size());
  }
  return name;
}

// "us." of "us.anthropic.claude-x"; empty when there is none.
std::string_view geography_of(std::string_view name) {
  for (const std::string_view each :
       {"us.", "eu.", "apac.", "jp.", "au.", "ca.", "us-gov.", "global."}) {
    if (name.starts_with(each)) return each;
  }
  return {};
}

class Resolver {
 public:
  Resolver(const PriceLayers& layers, const NameQuery& query)
      : layers_(layers), query_(query), sellers_(sellers_of(query.provider, query.dialect)) {}

  PriceMatch resolve() {
    std::string_view name = query_.model;
    // A # is ours, between a model and its variant.
    if (name.empty() || name.size() > price_text::kLongestName || name.find('#') != name.npos) {
      return {};
    }
    if (PriceMatch match = sold(name, NameRule::exact); match.card) return match;

    char decoded[price_text::kLongestName];
    name = without_path(with_colons(name, decoded));
    if (name.empty()) return {};
    if (name.size() != query_.model.size()) {
      if (PriceMatch match = sold(name, NameRule::path); match.card) return match;
    }
    if (name.starts_with("ft:")) return fine_tuned(name);
    if (PriceMatch match = of_version(name); match.card) return match;
    if (PriceMatch match = of_geography(name); match.card) return match;
    if (PriceMatch match = of_route(name); match.card) return match;
    return of_vendor(name);
  }

 private:
  bool sells_as(std::string_view seller) const {
    return std::find(sellers_.names.begin(), sellers_.names.end(), seller) != sellers_.names.end();
  }

  // One spelling, at the sellers in their order.
  PriceMatch sold(std::string_view name, NameRule rule) {
    if (layers_.overridden) {
      if (const PriceCard* card = layers_.find(kEveryProvider, name, query_.day)) {
        return {card, rule == NameRule::exact ? NameRule::override_card : rule, false};
      }
    }
    for (const std::string_view seller : sellers_.names) {
      if (seller.empty()) continue;
      if (PriceMatch match = sold_by(seller, name, rule); match.card) return match;
    }
    if (sellers_.named) return {};
    const PriceCard* const card = layers_.find_of_any_maker(name, query_.day);
    if (card == nullptr) return {};
    return {card, rule == NameRule::exact ? NameRule::any_maker : rule, false};
  }

  PriceMatch sold_by(std::string_view seller, std::string_view name, NameRule rule) {
    if (!query_.place.empty() && name.size() + query_.place.size() < price_text::kLongestName) {
      char text[price_text::kLongestName + 1];
      std::memcpy(text, query_.place.data(), query_.place.size());
      text[query_.place.size()] = '/';
      std::memcpy(text + query_.place.size() + 1, name.data(), name.size());
      const std::string_view there(text, query_.place.size() + 1 + name.size());
      if (const PriceCard* card = layers_.find(seller, there, query_.day)) {
        return {card, rule == NameRule::exact ? NameRule::place : rule, false};
      }
    }
    const PriceCard* const card = layers_.find(seller, name, query_.day);
    if (card == nullptr) return {};
    // Azure's data zones cost more than its global deployments, for most models.
    const bool zone = seller == "azure" && (query_.place == "eu" || query_.place == "us");
    const bool by_alias = rule == NameRule::exact && card->region.empty() &&
                          !price_text::equal_but_for_case(card->model, name);
    return {card, by_alias ? NameRule::alias : rule, zone};
  }

  // An ID in a URL may still have its colon encoded.
  static std::string_view with_colons(std::string_view name, char (&text)[price_text::kLongestName]) {
    if (name.find('%') == name.npos) return name;
    std::size_t size = 0;
    for (std::size_t i = 0; i < name.size(); ++i) {
      const std::string_view octet = name.substr(i, 3);
      const bool colon = octet == "%3A" || octet == "%3a";
      const bool slash = octet == "%2F" || octet == "%2f";
      text[size++] = colon ? ':' : slash ? '/' : name[i];
      if (colon || slash) i += 2;
    }
    return {text, size};
  }

  PriceMatch fine_tuned(std::string_view name) {
    const std::string_view base = name.substr(0, name.find(':', 3));
    return sold(base, NameRule::fine_tuned);
  }

  PriceMatch of_version(std::string_view name) {
    const std::string_view undated = without_date(name);
    if (!undated.empty()) {
      const std::size_t mark = name.size() - 9;
      if (sells_as("vertex") && name[undated.size()] == '-' && undated.size() == mark) {
        char text[price_text::kLongestName];
        std::memcpy(text, name.data(), name.size());
        text[mark] = '@';
        if (PriceMatch match = sold({text, name.size()}, NameRule::snapshot); match.card) {
          return match;
        }
      }
      if (PriceMatch match = sold(undated, NameRule::snapshot); match.card) return match;
    }
    if (name.size() > 4 && name.starts_with("gemini-") && name[name.size() - 4] == '-' &&
        name[name.size() - 3] == '0' && all_digits(name.substr(name.size() - 3))) {
      return sold(name.substr(0, name.size() - 4), NameRule::version);
    }
    return {};
  }

  PriceMatch of_geography(std::string_view name) {
    if (!sells_as("bedrock")) return {};
    const std::string_view geography = geography_of(name);
    if (geography.empty()) return {};
    name.remove_prefix(geography.size());
    PriceMatch match = sold(name, NameRule::geography);
    match.other_place = match.card != nullptr;
    return match;
  }

  // What stands behind a colon at the end.
  PriceMatch of_route(std::string_view name) {
    const std::size_t colon = name.rfind(':');
    if (colon == name.npos || colon == 0 || colon + 1 == name.size()) return {};
    const std::string_view model = name.substr(0, colon);
    const std::string_view word = name.substr(colon + 1);
    if (sells_as("openrouter")) {
      if (word == "free") return sold("*:free", NameRule::free_route);
      const bool same = word == "thinking" || word == "beta";
      if (!same && word != "nitro" && word != "floor" && word != "exacto") return {};
      PriceMatch match = sold(model, NameRule::route);
      if (match.card == nullptr) match = of_version(model);
      if (match.card == nullptr) match = of_vendor(model);
      match.other_place = match.card != nullptr && (match.other_place || !same);
      return match;
    }
    if (sells_as("ollama")) {
      if (word.find("cloud") != word.npos) return {};
      PriceMatch match = sold(model, NameRule::route);
      const TokenRates* const rates =
          match.card == nullptr ? nullptr : match.card->rates_for(PriceTier::standard, 0);
      const bool free = rates != nullptr && rates->of(TokenClass::output) == 0;
      return free ? match : PriceMatch();
    }
    if (sells_as("replicate")) {
      return word.size() == 64 ? sold(model, NameRule::route) : PriceMatch();
    }
    if (!sells_as("huggingface")) return {};
    const std::string_view host = seller_of_word(word);
    if (host.empty()) return {};
    PriceMatch match = sold_by(host, model, NameRule::route);
    if (match.card == nullptr && model.find('/') != model.npos) {
      match = sold_by(host, model.substr(model.find('/') + 1), NameRule::route);
    }
    return match;
  }

  // vendor/model
  PriceMatch of_vendor(std::string_view name) {
    const std::size_t slash = name.find('/');
    if (slash == name.npos || slash == 0) return {};
    const std::string_view seller = seller_of_word(name.substr(0, slash));
    const std::string_view model = name.substr(slash + 1);
    if (seller.empty() || model.empty()) return {};
    // Google's own endpoints spell it so: google/gemini-x.
    const bool own = sells_as(seller) || (seller == "gemini" && sells_as("vertex"));
    const bool passes_on = sells_as("openrouter") || sells_as("vercel-gateway");
    if (sellers_.named && !own && !(passes_on && is_maker(seller))) return {};
    if (!own && is_maker(seller) && is_open(model)) return {};

    const SellersKept kept(sellers_);
    if (!(own && sells_as("vertex"))) sellers_ = {{seller}, true};
    PriceMatch match = sold(model, NameRule::gateway);
    if (match.card == nullptr) match = of_version(model);
    if (match.card == nullptr && seller == "bedrock") match = of_geography(model);
    if (match.card == nullptr && model.starts_with("ft:")) match = fine_tuned(model);
    if (match.card == nullptr && seller == "anthropic") match = with_dashes(model);
    match.other_place = match.card != nullptr && (match.other_place || (passes_on && !own));
    return match;
  }

  // Gateways write claude-3.5-haiku for claude-3-5-haiku.
  PriceMatch with_dashes(std::string_view model) {
    if (model.find('.') == model.npos || model.size() > price_text::kLongestName) return {};
    char text[price_text::kLongestName];
    std::replace_copy(model.begin(), model.end(), text, '.', '-');
    const std::string_view dashed(text, model.size());
    PriceMatch match = sold(dashed, NameRule::gateway);
    return match.card != nullptr ? match : of_version(dashed);
  }

  struct SellersKept {
    explicit SellersKept(Sellers& sellers) : place(sellers), kept(sellers) {}
    ~SellersKept() { place = kept; }
    Sellers& place;
    const Sellers kept;
  };

  const PriceLayers& layers_;
  const NameQuery& query_;
  Sellers sellers_;
};

}  // namespace

std::string_view name_of(NameRule rule) {
  constexpr std::array<std::string_view, 14> kNames = {
      "none",     "exact",   "alias",      "override", "place",   "path",    "fine_tuned",
      "geography", "snapshot", "version", "free_route", "route", "gateway", "any_maker",
  };
  return kNames[static_cast<std::size_t>(rule)];
}

PriceMatch resolve_name(const PriceLayers& layers, const NameQuery& query) {
  return Resolver(layers, query).resolve();
}

}  // namespace farebox
