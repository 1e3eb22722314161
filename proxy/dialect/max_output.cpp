#include "proxy/dialect/max_output.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/dialect/body_keys.hpp"
#include "proxy/dialect/max_places.hpp"
#include "proxy/dialect/octet_scan.hpp"

namespace farebox {
namespace {

constexpr std::uint64_t kLeastBudget = 1'024;  // of thinking (Anthropic, OpenRouter)

// Octets that come in the place of others.
struct Splice {
  std::size_t begin = 0, end = 0;
  std::string text;
};

class Lowering {
 public:
  Lowering(const Route& route, const MaxPlaces& places, const MaxSpelling& spelling,
           std::uint64_t most)
      : route_(route), places_(places), spelling_(spelling), most_(most) {}

  // What stands in the way, or nothing.
  std::string_view run();

  std::string applied(std::string_view body);

 private:
  std::string_view say();
  std::string_view put_in();
  std::string_view lower_budgets();
  bool obeyed(const MaxPlace& place) const {
    return place.home == spelling_.home && spelling_.obeys(place.key);
  }
  bool counts(const MaxPlace& place) const;
  std::string_view replace(const MaxPlace& place, std::uint64_t number) {
    splices_.push_back({place.begin, place.end, std::to_string(number)});
    return {};
  }

  const Route& route_;
  const MaxPlaces& places_;
  const MaxSpelling& spelling_;
  const std::uint64_t most_;
  std::uint64_t said_ = 0;  // the largest maximum so far, of those that are obeyed
  std::vector<Splice> splices_;
};

std::string_view Lowering::run() {
  if (const std::string_view why = say(); !why.empty()) return why;
  for (const MaxPlace& place : places_.maxima) {
    if (!obeyed(place) && place.bound > most_ && counts(place)) replace(place, most_);
  }
  if (splices_.empty()) return {};
  if (most_ < spelling_.least) return "what is left is less than this API accepts as a maximum";
  return lower_budgets();
}

// Bodies of paths that several APIs share may say a second one, which BodyFacts takes for a
// bound too.
bool Lowering::counts(const MaxPlace& place) const {
  if (place.home == MaxHome::top) return is_maximum(route_, place.key);
  return route_.endpoint == Endpoint::converse || route_.endpoint == Endpoint::invoke ||
         route_.endpoint == Endpoint::generate || place.home == spelling_.home;
}

// The maximum that is obeyed: lowered where it is, or put in.
std::string_view Lowering::say() {
  const MaxPlace* unsaid = nullptr;
  bool is_said = false;
  for (const MaxPlace& place : places_.maxima) {
    if (!obeyed(place)) continue;
    if (place.zero) return "its maximum is 0, which servers take in different ways";
    if (place.null) {
      unsaid = &place;
      continue;
    }
    is_said = true;
    said_ = std::max(said_, place.bound);
    // -1 and what is no number mean "no bound" where they are accepted.
    if (place.bound == 0 || place.bound > most_) replace(place, most_);
  }
  if (is_said) return {};
  if (!spelling_.put_in) return spelling_.why;
  if (unsaid != nullptr) return replace(*unsaid, std::min(most_, spelling_.unsaid));
  return put_in();
}

std::string_view Lowering::put_in() {
  const MaxObject& home = places_.homes[static_cast<std::size_t>(spelling_.home)];
  const MaxObject& top = places_.homes[static_cast<std::size_t>(MaxHome::top)];
  std::string member = "\"";
  member += spelling_.keys[0];
  member += "\":";
  member += std::to_string(std::min(most_, spelling_.unsaid));
  if (home.object) {
    if (!home.empty) member += ',';
    splices_.push_back({home.begin + 1, home.begin + 1, std::move(member)});
  } else if (home.null) {
    splices_.push_back({home.begin, home.end, "{" + member + "}"});
  } else if (home.there) {
    return "what should hold its maximum is no object";
  } else {
    std::string object = "\"";
    object += spelling_.home_key;
    object += "\":{" + member + "}";
    if (!top.empty) object += ',';
    splices_.push_back({top.begin + 1, top.begin + 1, std::move(object)});
  }
  return {};
}

// In proportion, so that of what is left as much is for the answer as it would have been.
std::string_view Lowering::lower_budgets() {
  for (const MaxPlace& place : places_.budgets) {
    if (place.bound < most_) continue;
    if (most_ <= kLeastBudget) return "what is left is less than its budget for thinking can be";
    // Counts are below 2^54, so the product of two may not be: 128 bits.
    const auto whole = static_cast<unsigned __int128>(most_) * place.bound;
    const std::uint64_t share =
        said_ == 0 ? most_ - 1 : static_cast<std::uint64_t>(whole / std::max(said_, place.bound + 1));
    replace(place, std::clamp(share, kLeastBudget, most_ - 1));
  }
  return {};
}

std::string Lowering::applied(std::string_view body) {
  std::sort(splices_.begin(), splices_.end(),
            [](const Splice& a, const Splice& b) { return a.begin < b.begin; });
  std::string text;
  text.reserve(body.size() + 64);
  std::size_t at = 0;
  for (const Splice& splice : splices_) {
    text += body.substr(at, splice.begin - at);
    text += splice.text;
    at = splice.end;
  }
  text += body.substr(at);
  return text;
}

}  // namespace

LoweredBody lower_max_output(const Route& route, DialectName dialect, std::string_view model,
                             std::string_view body, std::uint64_t most) {
  LoweredBody lowered;
  std::size_t start = body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  start = std::min(body.find_first_not_of(" \t\r\n", start), body.size());
  MaxPlaces places;
  if (start == body.size() || body[start] != '{' || !places.read(body, start)) {
    lowered.why = "its body is no JSON object";
    return lowered;
  }
  const MaxSpelling spelling = max_spelling(route, dialect, model, places.has);
  if (spelling.none() || most == 0) {
    lowered.why = spelling.none() ? spelling.why : "nothing is left";
    return lowered;
  }
  Lowering lowering(route, places, spelling, most);
  lowered.why = lowering.run();
  if (lowered.why.empty()) lowered.body = lowering.applied(body);
  return lowered;
}

}  // namespace farebox
