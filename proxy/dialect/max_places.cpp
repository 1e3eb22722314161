#include "proxy/dialect/max_places.hpp"

#include <algorithm>

#include "proxy/dialect/body_facts.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

// Every spelling that BodyFacts takes for a bound, wherever it stands.
constexpr auto kMaxima = std::to_array<std::string_view>({
    "max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample",
    "max_gen_len", "maxTokens", "max_new_tokens", "n_predict", "maxOutputTokens", "num_predict",
    "maxTokenCount",
});

struct Home {
  std::string_view key, twin;
  MaxHome home;
};
constexpr Home kHomes[] = {
    {"generationConfig", "generation_config", MaxHome::generation_config},
    {"inferenceConfig", "", MaxHome::inference_config},
    {"textGenerationConfig", "", MaxHome::text_generation_config},
    {"options", "", MaxHome::options},
    {"parameters", "", MaxHome::parameters},
    {"completion_args", "", MaxHome::completion_args},
    {"additionalModelRequestFields", "", MaxHome::model_fields},
};

// Objects with a budget for thinking: Anthropic, Bedrock, OpenRouter.
constexpr auto kThinking =
    std::to_array<std::string_view>({"thinking", "reasoning_config", "reasoning"});

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A number, written as such or as a string, that is no bound and no negative number either.
bool is_zero(std::string_view value) {
  if (value.size() > 1 && value.starts_with('"')) value = value.substr(1, value.size() - 2);
  if (value.empty() || value.find_first_not_of("0123456789.eE+-") != value.npos) return false;
  if (!value.starts_with('-')) return true;
  return value.find_first_not_of("-0.") == value.npos;
}

}  // namespace

bool MaxPlaces::read(std::string_view body, std::size_t start) {
  start_ = start;
  JsonCursor cursor(body.substr(start));
  MaxObject& top = homes[static_cast<std::size_t>(MaxHome::top)];
  top.there = top.object = true;
  top.begin = start;
  cursor.each_member([&](std::string_view key) {
    top.empty = false;
    read_top(key, cursor);
  });
  return cursor.at_end();
}

void MaxPlaces::read_top(std::string_view key, JsonCursor& cursor) {
  if (is_one_of(key, kMaxima)) return note(maxima, MaxHome::top, key, cursor);
  if (is_one_of(key, kThinking)) return read_budget(MaxHome::top, cursor);
  for (const Home& home : kHomes) {
    if (key == home.key || (!home.twin.empty() && key == home.twin)) {
      return read_home(home.home, cursor);
    }
  }
  if (key == "contents") has.contents = true;
  if (key == "prompt" || key == "input_prefix") has.prompt = true;
  if (key == "agent" || key == "agent_id") has.agent = cursor.kind() == Kind::string;
}

void MaxPlaces::read_home(MaxHome home, JsonCursor& cursor) {
  MaxObject& object = homes[static_cast<std::size_t>(home)];
  object.there = true;
  object.object = cursor.kind() == Kind::object;
  object.null = cursor.kind() == Kind::null;
  object.begin = start_ + cursor.offset();
  cursor.each_member([&](std::string_view key) {
    object.empty = false;
    if (is_one_of(key, kMaxima)) note(maxima, home, key, cursor);
    else if (home == MaxHome::model_fields && is_one_of(key, kThinking)) read_budget(home, cursor);
  });
  object.end = start_ + cursor.offset();
}

void MaxPlaces::read_budget(MaxHome home, JsonCursor& cursor) {
  cursor.each_member([&](std::string_view key) {
    if (key == "budget_tokens" || key == "max_tokens") note(budgets, home, key, cursor);
  });
}

void MaxPlaces::note(std::vector<MaxPlace>& places, MaxHome home, std::string_view key,
                     JsonCursor& cursor) {
  MaxPlace place;
  place.home = home;
  place.key = key;
  place.null = cursor.kind() == Kind::null;
  const std::size_t begin = cursor.offset();
  place.bound = read_bound(cursor);
  place.begin = start_ + begin;
  place.end = start_ + cursor.offset();
  place.zero = !cursor.failed() && place.bound == 0 && is_zero(cursor.since(begin));
  places.push_back(std::move(place));
}

}  // namespace farebox
