// Golden bills: what exchanges cost, worked out beforehand and by somebody else, in the
// files of tests/golden (its README.md is the grammar). Read here, and compared with what
// farebox makes of the same replies.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/pricing.hpp"
#include "proxy/reply_bill.hpp"

namespace farebox {

struct GoldenBill {
  std::string id;
  std::string says;
  RepliedCall call;
  std::string model;           // that answered
  std::optional<Usage> usage;  // nothing: none may be read from the reply
  std::optional<Money> total;  // nothing: it has no price
  std::optional<Money> lines_sum;  // of the written lines, rounded once; nothing: no lines
  bool estimated = false;
  std::vector<std::string> estimated_by;  // sorted
};

// Does the text begin like such a file?
bool is_golden(std::string_view text);

// An Error's context names the bill that can't be understood.
Result<std::vector<GoldenBill>> read_golden_bills(std::string_view text,
                                                  std::string_view source_name);

// What differs, a sentence each; empty: they agree. Calls of tools that cost nothing
// (web fetches) may be listed or not.
std::vector<std::string> usage_differences(const Usage& found, const std::optional<Usage>& wanted);
std::vector<std::string> bill_differences(const Bill& found, const GoldenBill& wanted);
std::vector<std::string> differences(const ReplyBill& found, const GoldenBill& wanted);

// The names of the rules, sorted.
std::vector<std::string> names_of(Estimates rules);

}  // namespace farebox
