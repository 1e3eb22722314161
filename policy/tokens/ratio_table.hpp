// RatioTable: what was learnt of each model without a public vocabulary, by who serves it.
//
// A provider's reports better the estimates of its own models only: one that lies misleads
// nobody else's. Input and output are learnt apart, because prompts have marks around them
// that answers don't. Bounded: beyond kMostModels the one that was learnt of least goes.
//
// Stored form, a text of lines; who stores it answers for its octets:
//
//   farebox-token-ratios 1\n
//   PROVIDER\tMODEL\tSTATE\tSTATE\n ...          of input, then of output
//   STATE := counted reported error lessons      decimal, one blank between
//
// Plain object. For one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/base/result.hpp"
#include "policy/tokens/token_ratio.hpp"

namespace farebox {

enum class Side : std::uint8_t { input, output };

struct ModelRatios {
  TokenRatio input, output;
  const TokenRatio& of(Side side) const { return side == Side::input ? input : output; }
  TokenRatio& of(Side side) { return side == Side::input ? input : output; }
  std::uint64_t lessons() const { return input.lessons() + output.lessons(); }
};

class RatioTable {
 public:
  static constexpr std::size_t kMostModels = 256;
  static constexpr std::size_t kLongestName = 128;

  struct Lesson {
    std::string_view provider, model;
    Side side = Side::input;
    std::uint64_t counted = 0, reported = 0;
  };
  // False: the model's vocabulary is public or nothing is known of it, its name can't be kept,
  // or the report wasn't believed.
  bool learn(const Lesson& lesson);

  // What was learnt of `model` as `provider` serves it, else the ratio of its family; nothing
  // where not even that is known, or none is needed. Without a provider, of the one that
  // taught most. Dates behind a name and its case make no other model.
  std::optional<TokenRatio> find(std::string_view provider, std::string_view model,
                                 Side side) const;

  std::size_t size() const { return models_.size(); }

  std::string encode() const;
  // Accepts any octets. Error: ledger_damaged.
  static Result<RatioTable> decode(std::string_view octets);

 private:
  using Key = std::pair<std::string, std::string>;  // provider, model
  void make_room();

  std::map<Key, ModelRatios> models_;
};

}  // namespace farebox
