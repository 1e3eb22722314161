#include "config/base/secret.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

namespace farebox {
namespace {

// The octets that an object leaves behind where it was.
template <class Use>
std::string left_behind(const std::string& text, Use use) {
  alignas(Secret) unsigned char place[sizeof(Secret)];
  std::memset(place, 0, sizeof place);
  Secret* const secret = new (place) Secret(text);
  use(*secret);
  std::string octets(sizeof place, '\0');
  std::memcpy(octets.data(), place, sizeof place);
  std::destroy_at(secret);
  return octets;
}

// A short string lies in the object itself, and moving from it left it there.
TEST(Secret, LeavesNothingWhereItWasMovedFrom) {
  for (const char* const each : {"short-key", "fifteen-octets!"}) {
    const std::string text = each;
    const std::string part = text.substr(1);  // a string's end alone would hide the first octet
    EXPECT_NE(left_behind(text, [](Secret&) {}).find(part), std::string::npos) << "the test sees it";
    EXPECT_EQ(left_behind(text, [](Secret& secret) { const Secret taken(std::move(secret)); })
                  .find(part), std::string::npos);
    EXPECT_EQ(left_behind(text, [](Secret& secret) { Secret taken; taken = std::move(secret); })
                  .find(part), std::string::npos);
    EXPECT_EQ(left_behind(text, [](Secret& secret) { secret = Secret(); }).find(part),
              std::string::npos);
  }
}

TEST(Secret, IsKeptThroughCopiesAndMoves) {
  for (const std::string& text : {std::string(), std::string("short"), std::string(500, 'k')}) {
    Secret first{text};
    const Secret copy = first;
    Secret moved(std::move(first));
    EXPECT_EQ(copy.reveal(), text);
    EXPECT_EQ(moved.reveal(), text);
    moved = copy;
    EXPECT_EQ(moved.reveal(), text);
    EXPECT_EQ(moved.empty(), text.empty());
    EXPECT_EQ(moved.size(), text.size());
  }
}

}  // namespace
}  // namespace farebox
