// Joined embedding calls: any octets as the body of a call, and as the reply to so many calls as
// the first octet says. What is joined is JSON with all inputs; every reply of a split one is
// JSON with one element, and the tokens sum up.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/dialect/embedding_batch.hpp"
#include "proxy/dialect/json_cursor.hpp"

namespace {

using namespace farebox;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_join(std::string_view body) {
  const auto call = read_embedding_call(body);
  if (!call) return;
  require(call->most_tokens > 0);
  const std::vector<EmbeddingCall> calls(3, *call);
  const std::string joined = join_embedding_calls(calls);
  JsonCursor cursor(joined);
  std::size_t inputs = 0;
  cursor.each_member([&](std::string_view key) {
    if (key == "input") cursor.each_element([&] { ++inputs; });
  });
  require(cursor.at_end() && inputs == calls.size());
  require(!read_embedding_call(joined));
  const auto alone = read_embedding_call(join_embedding_calls(std::vector<EmbeddingCall>(1, *call)));
  require(alone && alone->group == call->group && alone->most_tokens == call->most_tokens);
}

struct Told {
  std::size_t elements = 0, tokens_said = 0;
  std::uint64_t tokens = 0, index = 1;
  bool countable = true;
};

Told read_reply(std::string_view reply) {
  Told told;
  JsonCursor cursor(reply);
  cursor.each_member([&](std::string_view key) {
    if (key == "data") {
      cursor.each_element([&] {
        ++told.elements;
        cursor.each_member([&](std::string_view inner) {
          if (inner == "index") told.index = cursor.count().value_or(1);
        });
      });
    } else if (key == "usage") {
      cursor.each_member([&](std::string_view inner) {
        if (inner != "prompt_tokens") return;
        const auto count = cursor.count();
        if (!count) told.countable = false;
        ++told.tokens_said;
        told.tokens += count.value_or(0);
      });
    }
  });
  require(cursor.at_end());
  return told;
}

void check_split(std::string_view reply, std::size_t count) {
  std::vector<std::uint64_t> weights;
  for (std::size_t i = 0; i < count; ++i) weights.push_back(i * 7 % 5);
  const auto replies = split_embedding_reply(reply, weights);
  if (!replies) return;
  require(replies->size() == count);
  const Told whole = read_reply(reply);
  require(whole.elements == count);
  std::uint64_t tokens = 0;
  for (const std::string& one : *replies) {
    const Told told = read_reply(one);
    require(told.elements == 1 && told.index == 0);
    require(told.tokens_said == whole.tokens_said);
    tokens += told.tokens;
  }
  if (whole.countable && whole.tokens_said == 1) require(tokens == whole.tokens);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  check_join(text);
  check_split(text, 1 + data[0] % 8);
  return 0;
}
