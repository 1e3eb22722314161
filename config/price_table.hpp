// PriceTable: which model costs what; a lookup without an answer says so.
//
// Built once from JSON text (the grammar stands in price_reader.hpp, LiteLLM's in
// litellm_reader.hpp) and never changed: any thread may call any const function, copies
// share the cards, and a card lives as long as any copy of its table.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/result.hpp"
#include "config/price_card.hpp"
#include "config/price_names.hpp"
#include "config/settings.hpp"

namespace farebox {

// What is asked for: a model as traffic names it, at a configured provider.
struct PriceQuery {
  std::string_view provider;
  DialectName dialect = DialectName::openai;
  std::string_view model;
  std::string_view place = {};  // see price_place.hpp; empty: unsaid
  // Of the request. Cards that begin at a date are valid from midnight UTC of that day
  // on; without a time only those that don't are found.
  WallTime when = {};
};

class PriceTable {
 public:
  PriceTable();  // empty: finds nothing

  // Reads a whole price file. `source_name` is for messages: a path, or "bundled prices".
  static Result<PriceTable> parse(std::string_view json, std::string_view source_name);

  // The table inside the program.
  static Result<PriceTable> bundled();

  // This table with the cards of another file: equal ids are replaced, new ones
  // added, and the file's names win.
  Result<PriceTable> extended(std::string_view json, std::string_view source_name) const;

  // This table with the operator's own prices in front: model name -> JSON of an
  // override, e.g. {"input":"1.5","output":"6"}, for every provider or, with
  // "provider", for one. An override is a whole price: what it leaves out isn't
  // published. Sizes and tokenizer come from the card it hides.
  Result<PriceTable> overridden(const std::map<std::string, std::string>& overrides) const;

  // The card for a model at a configured provider, or null: unknown is an answer.
  //
  // Overrides first. Then the seller's cards: `provider` may name the seller
  // ("groq", "groq-eu", "my-groq"); an azure provider sells azure's cards, then
  // openai's. A name that says nothing ("my-proxy") sells what its dialect's maker
  // sells, else what exactly one maker sells under that very name. How a name is
  // matched is said in price_names.hpp.
  PriceMatch match(const PriceQuery& query) const;

  // The same without place and time.
  const PriceCard* find(std::string_view provider, DialectName dialect,
                        std::string_view model) const;

  // The card of a size and quality ("hd/1024-x-1792") of that card's model, or null.
  const PriceCard* variant_of(const PriceCard& card, std::string_view variant,
                              WallTime when) const;

  // What the ledger writes beside a cost: the file's version, and a short hash of
  // whatever was laid over it.
  std::string_view version() const;

  std::size_t size() const;  // cards

  // Every card, the files laid over others first. For commands, not for requests.
  void each(const std::function<void(const PriceCard&)>& visit) const;

 private:
  struct Data;
  explicit PriceTable(std::shared_ptr<const Data> data);

  std::shared_ptr<const Data> data_;  // never null
};

// The bundled table, then the operator's file, then the overrides.
Result<PriceTable> load_prices(const PriceSettings& settings);

}  // namespace farebox
