// RecordFacts: the part of a record that sums and filters look at, as views.
//
// Made from a Record or read straight from its stored octets, without an allocation;
// valid as long as what it was made from.
#pragma once

#include <string_view>

#include "storage/hold.hpp"
#include "storage/record.hpp"

namespace farebox {

struct RecordFacts {
  std::uint64_t sequence = 0;
  WallTime time;
  HoldId hold;
  std::string_view request_id, provider, endpoint, model, key_name, org, project, user;
  Outcome outcome = Outcome::ok;
  bool priced = false;
  bool metered = false;
  bool correction = false;  // of another record's price
  bool audit = false;       // a change somebody made, and no request
  Tokens input = 0;
  Tokens output = 0;
  Tokens cached_input = 0;
  Tokens cache_write = 0;
  Tokens reasoning = 0;
  Money cost;
};

RecordFacts facts_of(const Record& record);

}  // namespace farebox
