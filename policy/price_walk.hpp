// PriceWalk: goes through a usage in one order and tells a sink each line of its bill.
//
// `price` adds the lines up without allocating, `itemise` keeps them for people; as both
// are told by the same walk they can't disagree. A sink has
//
//   void line(const PriceLine&);
//   void unpriced(std::string_view what, std::uint64_t count, const PriceCard*);
//   void estimate(Estimate);
#pragma once

#include <algorithm>
#include <optional>

#include "policy/price_rules.hpp"
#include "policy/pricing.hpp"
#include "policy/token_split.hpp"

namespace farebox {

// `count` of `what`, each `per` of them at that price, times a factor.
struct PriceLine {
  std::string_view what;  // a token class or a unit of the price table
  const PriceCard* card;
  std::uint64_t count;
  Int128 attodollars;
  std::uint32_t per = 1;                  // 1; 1000 calls; 1000000 microseconds
  std::uint64_t factor = kNoPriceFactor;  // place and speed, in millionths

  // In millionths of an attodollar. False when the count is absurd or the product
  // doesn't fit.
  bool amount(Int128& yoctodollars) const;
};

template <class Sink>
class PriceWalk {
 public:
  PriceWalk(const Usage& usage, const PriceContext& context, Sink& sink)
      : usage_(usage), context_(context), sink_(sink), tier_(tier_named(usage.service_tier)) {}

  void whole(const PriceMatch& match) {
    if (match.card == nullptr) return sink_.unpriced("model", 1, nullptr);
    note(match);
    tokens(*match.card, counts_of(usage_));
    pieces(*match.card);
    for (const UsageExtra& each : usage_.extras) extra(match, each);
  }

  // What ran on top: on the card of `match`, or on that of its own model.
  void extra(const PriceMatch& match, const UsageExtra& extra) {
    PriceMatch own = match;
    if (!extra.model.empty()) {
      own = match_of(extra.model);
      if (own.card != nullptr) note(own);
    }
    if (own.card == nullptr) return sink_.unpriced(extra.type, 1, nullptr);
    tokens(*own.card, counts_of(extra));
    if (extra.count > 0) tool(*own.card, extra);
  }

 private:
  void note(const PriceMatch& match) {
    if (match.other_place) sink_.estimate(Estimate::price_place);
    if (match.card->estimated) sink_.estimate(Estimate::price_place);
  }

  // Sub-inferences of one call mostly ran on one model.
  const PriceMatch& match_of(std::string_view model) {
    if (model != last_model_) {
      last_match_ = context_.match(model);
      last_model_ = model;
    }
    return last_match_;
  }

  void tokens(const PriceCard& card, const TokenUse& counts) {
    // Searches put citations into an answer for nothing, but where a price is published.
    if (counts.input == 0 && counts.output == 0 && counts.citation == 0) return;
    if (std::max({counts.input, counts.output, counts.citation}) > kMostCounted) {
      return sink_.unpriced("tokens", std::max(counts.input, counts.output), &card);
    }
    const NamedRates named = rates_of(card, tier_, counts.input);
    if (named.estimated) sink_.estimate(Estimate::price_tier);
    const PlaceAndSpeed factor = factor_of(card, usage_, context_.place);
    if (factor.estimated) sink_.estimate(Estimate::price_place);
    const TokenSplit of = split(counts);
    for (std::size_t i = 0; i < kTokenClasses; ++i) {
      const auto name = static_cast<TokenClass>(i);
      if (of[i] == 0) continue;
      if (named.rates == nullptr || factor.millionths == 0) {
        sink_.unpriced(name_of(name), of[i], &card);
        continue;
      }
      const TokenRates& rates = *named.rates;
      if (rates.of(name) == kUnpublished) {
        if (name != TokenClass::citation) sink_.unpriced(name_of(name), of[i], &card);
        continue;
      }
      if (rates.is_estimate(name)) sink_.estimate(Estimate::price_class);
      sink_.line({name_of(name), &card, of[i], rates.of(name), 1, factor.millionths});
    }
  }

  // `count` things at a price for `per` of them.
  void units(const PriceCard& card, const UnitPrice* price, std::string_view what,
             std::uint64_t count, std::uint32_t per = 1) {
    if (price == nullptr || count > kMostCounted) return sink_.unpriced(what, count, &card);
    sink_.line({name_of(price->unit), &card, count, price->attodollars, per, kNoPriceFactor});
  }

  void sized(const PriceCard& card, const SizedUnits& sizes, std::string_view what,
             std::uint64_t count) {
    const SizedPrice found = by_size(card, sizes, usage_.search_context);
    if (found.estimated) sink_.estimate(Estimate::price_size);
    units(card, found.price, what, count);
  }

  // What is sold by the piece. Where the reply reports tokens for the same thing, the
  // tokens are its price and the piece isn't charged again: images with output tokens,
  // seconds with audio tokens, characters and searches with input tokens that have no
  // price of their own.
  void pieces(const PriceCard& card) {
    if (usage_.images > 0 && usage_.output == 0) images(card, usage_.images);
    if (usage_.microseconds > 0 && usage_.audio_input == 0 && usage_.audio_output == 0) {
      units(card, unit_of_time(card), "seconds", usage_.microseconds, 1'000'000);
    }
    if (usage_.characters > 0 && usage_.input == 0) {
      units(card, card.unit(PriceUnit::character_input), "characters", usage_.characters);
    }
    if (usage_.queries > 0) queries(card);
    // An annotated page costs its own price, which covers reading it.
    const std::uint64_t annotated = std::min(usage_.annotated_pages, usage_.pages);
    if (usage_.pages > annotated) {
      units(card, card.unit(PriceUnit::page_ocr), "pages", usage_.pages - annotated);
    }
    if (annotated > 0) {
      units(card, card.unit(PriceUnit::page_annotation), "annotated pages", annotated);
    }
    if (const UnitPrice* fee = card.unit(PriceUnit::request)) {
      units(card, fee, "request", 1);
    } else if (card.unit(kRequestSizes.usual) != nullptr) {
      sized(card, kRequestSizes, "request", 1);
    }
  }

  void images(const PriceCard& card, std::uint64_t count) {
    const PriceCard* of_size = usage_.variant.empty()
                                   ? nullptr
                                   : context_.table.variant_of(card, usage_.variant, context_.when);
    if (of_size == nullptr && card.has_variants) sink_.estimate(Estimate::price_size);
    const ImagePrice image = image_price(of_size != nullptr ? *of_size : card, usage_.variant);
    if (image.price == nullptr || count > kMostCounted / image.pixels) {
      return sink_.unpriced("images", count, &card);
    }
    units(of_size != nullptr ? *of_size : card, image.price, "images", count * image.pixels);
  }

  // Searches of a reranker; of a model that researches, at its price of a search.
  void queries(const PriceCard& card) {
    if (const UnitPrice* price = card.unit(PriceUnit::query)) {
      units(card, price, "queries", usage_.queries);
    } else if (card.unit(kSearchSizes.usual) != nullptr && card.web_search_per_query) {
      sized(card, kSearchSizes, "queries", usage_.queries);
    } else if (usage_.input == 0) {
      sink_.unpriced("queries", usage_.queries, &card);
    }
  }

  void tool(const PriceCard& card, const UsageExtra& extra) {
    switch (tool_of(extra.type)) {
      case Tool::web_search:
        return sized(card, kSearchSizes, extra.type,
                     card.web_search_per_prompt ? 1 : extra.count);
      case Tool::web_fetch:
        return units(card, card.unit(PriceUnit::web_fetch), extra.type, extra.count);
      case Tool::file_search:
        return units(card, card.unit(PriceUnit::file_search_1k_calls), extra.type, extra.count,
                     1'000);
      case Tool::code_interpreter:
        sink_.estimate(Estimate::tool_sessions);  // several calls can share one session
        return units(card, card.unit(PriceUnit::code_interpreter_session), extra.type,
                     extra.count);
      case Tool::image_generation:
        // Its tokens, where they were told, are its price.
        if (extra.input == 0 && extra.output == 0) images(card, extra.count);
        return;
      case Tool::sub_inference: return;
      case Tool::unknown: break;
    }
    // A count beside tokens tells how often it ran; alone it is a fee nobody knows.
    if (extra.input == 0 && extra.output == 0) sink_.unpriced(extra.type, extra.count, &card);
  }

  const Usage& usage_;
  const PriceContext& context_;
  Sink& sink_;
  const std::optional<PriceTier> tier_;
  std::string_view last_model_;  // empty: none yet
  PriceMatch last_match_;
};

template <class Sink>
void walk_prices(const PriceMatch& match, const Usage& usage, const PriceContext& context,
                 Sink& sink) {
  PriceWalk<Sink>(usage, context, sink).whole(match);
}

}  // namespace farebox
