#include "proxy/repeated_requests.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

using List = std::vector<std::string>;

AnswerKey key_of(std::uint32_t number) {
  AnswerKey key{};
  for (int i = 0; i < 4; ++i) key[static_cast<std::size_t>(i)] = static_cast<unsigned char>(number >> 8 * i);
  return key;
}

void ask(RepeatedRequests& repeated, std::uint32_t number, int times, std::size_t octets = 10) {
  for (int i = 0; i < times; ++i) {
    repeated.note(key_of(number), octets, [&] {
      std::string request = std::to_string(number);
      request.resize(octets, ' ');
      return request;
    });
  }
}

TEST(RepeatedRequests, TheMostRepeatedFirstAndNoneThatIsNot) {
  RepeatedRequests repeated;
  ask(repeated, 1, 1);
  ask(repeated, 2, 5, 1);
  ask(repeated, 3, 9, 1);
  EXPECT_EQ(repeated.most_repeated(10), (List{"3", "2"}));
  EXPECT_EQ(repeated.most_repeated(1), List{"3"});
}

TEST(RepeatedRequests, OneOffsDoNotPushOutWhatIsRepeated) {
  RepeatedRequests repeated;
  ask(repeated, 1, 100'000, 1);
  for (std::uint32_t i = 2; i < 50'000; ++i) ask(repeated, i, 1, 1);
  EXPECT_EQ(repeated.most_repeated(10), List{"1"});
}

TEST(RepeatedRequests, KeepsToItsOctets) {
  RepeatedRequests repeated;
  ask(repeated, 1, 9, RepeatedRequests::kMostOfOne + 1);
  EXPECT_TRUE(repeated.most_repeated(10).empty()) << "too large";
  for (std::uint32_t i = 2; i < 400; ++i) ask(repeated, i, 3, RepeatedRequests::kMostOfOne);
  std::size_t octets = 0;
  for (const std::string& request : repeated.most_repeated(1'000)) octets += request.size();
  EXPECT_LE(octets, RepeatedRequests::kMostOctets);
  EXPECT_GT(octets, RepeatedRequests::kMostOctets / 2);
}

}  // namespace
}  // namespace farebox
