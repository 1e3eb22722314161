#include "config/scalars.hpp"

#include <gtest/gtest.h>

#include "config/address.hpp"
#include "config/suggest.hpp"

namespace farebox {
namespace {

using std::chrono::milliseconds;

TEST(Duration, IsOneNumberAndOneUnit) {
  EXPECT_EQ(*parse_duration("0ms"), milliseconds(0));
  EXPECT_EQ(*parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(*parse_duration("5s"), milliseconds(5'000));
  EXPECT_EQ(*parse_duration("10m"), milliseconds(600'000));
  EXPECT_EQ(*parse_duration("24h"), milliseconds(86'400'000));
  EXPECT_EQ(*parse_duration("400d"), milliseconds(400ll * 86'400'000));
  EXPECT_EQ(*parse_duration("36500d"), std::chrono::hours(24) * 36'500);
  EXPECT_FALSE(parse_duration("9223372036854775807ms"));
  for (const char* text : {"", "5", "s", "-5s", "+5s", "5 s", " 5s", "5s ", "1.5s", "5S", "5sec", "1h30m",
                           "9223372036854775808ms", "106751991168d", "99999999999999999999s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, IsShownInItsLargestUnit) {
  EXPECT_EQ(duration_text(milliseconds(0)), "0ms");
  EXPECT_EQ(duration_text(milliseconds(1'500)), "1500ms");
  EXPECT_EQ(duration_text(milliseconds(90'000)), "90s");
  EXPECT_EQ(duration_text(std::chrono::hours(48)), "2d");
}

TEST(Size, IsBytesOrABinaryUnit) {
  EXPECT_EQ(*parse_size("0"), 0u);
  EXPECT_EQ(*parse_size("512"), 512u);
  EXPECT_EQ(*parse_size("512B"), 512u);
  EXPECT_EQ(*parse_size("64KiB"), 65'536u);
  EXPECT_EQ(*parse_size("8MiB"), 8u << 20);
  EXPECT_EQ(*parse_size("1GiB"), 1u << 30);
  EXPECT_EQ(*parse_size("2TiB"), 2ull << 40);
  EXPECT_EQ(*parse_size("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(*parse_size("16777215TiB"), 16'777'215ull << 40);
  for (const char* text : {"", "KiB", "-1", "1KB", "1kib", "1 KiB", "1.5MiB", "18446744073709551616",
                           "16777216TiB", "1e3", "0x10"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
  EXPECT_EQ(size_text(65'536), "64KiB");
  EXPECT_EQ(size_text(1'025), "1025B");
}

TEST(Count, IsDigitsOnly) {
  EXPECT_EQ(*parse_count("0"), 0u);
  EXPECT_EQ(*parse_count("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "-1", "+1", "1.0", "1e3", "0x1", "01", "1 ", "18446744073709551616"}) {
    EXPECT_FALSE(parse_count(text)) << text;
  }
}

TEST(Millionths, AreExact) {
  EXPECT_EQ(*parse_millionths("0"), 0u);
  EXPECT_EQ(*parse_millionths("1"), 1'000'000u);
  EXPECT_EQ(*parse_millionths("1.0"), 1'000'000u);
  EXPECT_EQ(*parse_millionths("0.8"), 800'000u);
  EXPECT_EQ(*parse_millionths("0.000001"), 1u);
  EXPECT_EQ(*parse_millionths("0.9500000"), 950'000u);
  for (const char* text : {"", "80", "80%", "1.000001", "-0.1", "0.0000001", ".8", "8e-1", "nan"}) {
    EXPECT_FALSE(parse_millionths(text)) << text;
  }
}

TEST(Flag, IsTrueOrFalse) {
  EXPECT_TRUE(*parse_flag("true"));
  EXPECT_FALSE(*parse_flag("False"));
  for (const char* text : {"", "yes", "no", "on", "1", "tRUE"}) EXPECT_FALSE(parse_flag(text)) << text;
}

TEST(Address, IsHostAndPort) {
  EXPECT_EQ(parse_address("127.0.0.1:4141")->host, "127.0.0.1");
  EXPECT_EQ(parse_address("127.0.0.1:4141")->port, 4141);
  EXPECT_EQ(parse_address("[::1]:0")->host, "::1");
  EXPECT_EQ(parse_address("localhost:65535")->port, 65'535);
  for (const char* text :
       {"", ":", "4141", ":4141", "localhost", "localhost:", "localhost:-1", "localhost:65536",
        "localhost:1x", "localhost:01", "1.2.3:80", "1.2.3.4.5:80", "256.1.1.1:80", "::1:80", "[::1]",
        "[::1]80", "[]:80", "[::1:80", "[1.2.3.4]:80", "a b:80", "-a:80", ".a:80", "a..b:80",
        "http://a:80", "*:80", "a/b:80"}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
}

TEST(ClosestWord, FindsSlipsAndPrefixes) {
  const std::string_view words[] = {"max", "min", "max_requests", "listen"};
  EXPECT_EQ(closest_word("lsiten", words), "listen");
  EXPECT_EQ(closest_word("max_request", words), "max_requests");
  EXPECT_EQ(closest_word("max_conections", words), "max");
  EXPECT_EQ(closest_word("lis", words), "listen");
  EXPECT_EQ(closest_word("zzzz", words), "");
  EXPECT_EQ(closest_word("", words), "");
  EXPECT_EQ(closest_word(std::string(100'000, 'x'), words), "");
}

}  // namespace
}  // namespace farebox
