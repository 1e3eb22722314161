// From the name of a model as traffic has it to a card of the price table.
//
// A name that matches as it is (or but for capitals) goes before everything else, so a
// dated snapshot, a fine-tuned model or a region with a card of its own has its own price.
// Else, in this order, and never further than the rule says:
//
//   path         models/x, publishers/V/models/x, projects/.../models/x and the ARN of a
//                foundation model or of a geographic inference profile are x. An
//                application profile, a provisioned model, tunedModels/x and endpoints/x
//                say nothing about a model.
//   place        "eu" or "us-west-2" of the provider's host: a card of that region, if any.
//   fine_tuned   ft:BASE:org:name:id is the card ft:BASE, never BASE: tuned models cost
//                more. Without that card it is unknown.
//   geography    us. eu. apac. jp. au. ca. us-gov. global. before a Bedrock model: the
//                model's own card, an estimate, as geographies can cost more. The table
//                has own cards for those that are known to.
//   snapshot     without -2024-07-18, -20250929, @20250929, @default: snapshots with
//                another price have a card. Vertex's claude-x-20250929 is claude-x@20250929.
//   version      Gemini's -001 at the end.
//   free_route   OpenRouter's x:free costs nothing.
//   route        OpenRouter's :nitro, :floor, :exacto are x at a price that moves, an
//                estimate; :thinking and :beta are x. Hugging Face's x:groq is x at groq.
//                Replicate's owner/x:hash is owner/x. Ollama's x:tag is x if x is free.
//   gateway      vendor/x at a gateway, or at a provider whose name says nothing, is what
//                that vendor sells as x. OpenRouter and Vercel pass the vendor's list price
//                on, which is an estimate, as they state their own; and claude-3.5 there is
//                claude-3-5.
//   any_maker    at a provider whose name says nothing: what exactly one maker sells under
//                that very name. Open weights have a price per host and stay unknown.
//
// Nothing is matched by a part of its name: gpt-4o-mini-something-new is not gpt-4o.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/price_layers.hpp"
#include "config/settings.hpp"

namespace farebox {

enum class NameRule : std::uint8_t {
  none, exact, alias, override_card, place, path, fine_tuned, geography, snapshot, version,
  free_route, route, gateway, any_maker,
};
std::string_view name_of(NameRule rule);

struct PriceMatch {
  const PriceCard* card = nullptr;
  NameRule rule = NameRule::none;  // the last one that was needed
  bool other_place = false;        // the price is of another place or route: an estimate
};

struct NameQuery {
  std::string_view provider;  // the configured name
  DialectName dialect = DialectName::openai;
  std::string_view model;
  std::string_view place;
  std::int32_t day = kAlways;
};
PriceMatch resolve_name(const PriceLayers& layers, const NameQuery& query);

}  // namespace farebox
