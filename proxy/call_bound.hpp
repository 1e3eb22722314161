// CallBound: the most a call can cost, as it was asked for and with fewer tokens of output.
//
// The price is looked up once. Refers to what it was made from.
#pragma once

#include <algorithm>

#include "policy/worst_case.hpp"
#include "proxy/services.hpp"

namespace farebox {

struct Call;

class CallBound {
 public:
  CallBound(const Services& services, const Call& call, const Record& record);

  // The input has at most so many tokens.
  void tighten(Tokens input) { size_.input_octets = std::min(size_.input_octets, input); }

  WorstCase whole() const { return worst_case(match_.card, size_, context_); }
  // With at most so many tokens for each of its answers.
  WorstCase with_output(Tokens most) const;

  // What each of its answers may hold as it was asked for; 0: nobody knows.
  Tokens output_asked() const;
  Tokens choices() const { return size_.choices; }
  const PriceCard* card() const { return match_.card; }

  // The most tokens for each answer, up to `most`, with which the call stays within `amount`
  // and all its tokens within `tokens`; 0: none.
  Tokens affordable_output(Money amount, Tokens tokens, Tokens most) const;

 private:
  PriceContext context_;
  PriceMatch match_;
  CallSize size_;
};

}  // namespace farebox
