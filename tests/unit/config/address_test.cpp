// Where farebox listens: TCP in both families and Unix sockets.
#include "config/address.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

TEST(Address, OfAUnixSocketIsAPath) {
  struct Row {
    std::string text;
    std::string path;  // empty: refused
  };
  const Row rows[] = {
      {"unix:/run/farebox.sock", "/run/farebox.sock"},
      {"unix:///run/farebox.sock", "/run/farebox.sock"},
      {"unix:farebox.sock", "farebox.sock"},
      {"unix:/" + std::string(106, 'a'), "/" + std::string(106, 'a')},
      {"unix:/" + std::string(107, 'a'), ""},
      {"unix:", ""},
      {"unix://", ""},
      {"unix:/run/", ""},
      {"unix:@abstract", ""},
  };
  for (const Row& row : rows) {
    const auto address = parse_address(row.text);
    ASSERT_EQ(address.has_value(), !row.path.empty()) << row.text;
    if (!address) continue;
    EXPECT_EQ(address->path, row.path);
    EXPECT_TRUE(is_loopback(*address));
    EXPECT_FALSE(is_wildcard(*address));
  }
}

TEST(Address, OnlyThisMachineIsLoopback) {
  struct Row {
    const char* text;
    bool loopback;
  };
  const Row rows[] = {
      {"127.0.0.1:1", true},  {"127.8.8.8:1", true},          {"localhost:1", true},
      {"[::1]:1", true},      {"[::ffff:127.0.0.1]:1", true}, {"[0:0:0:0:0:0:0:1]:1", true},
      {"0.0.0.0:1", false},   {"[::]:1", false},              {"[::ffff:10.0.0.1]:1", false},
      {"[::2]:1", false},     {"[fe80::1]:1", false},         {"128.0.0.1:1", false},
  };
  for (const Row& row : rows) {
    const auto address = parse_address(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(is_loopback(*address), row.loopback) << row.text;
  }
}

TEST(Address, WithoutBracketsIPv6IsRefusedWithTheCure) {
  for (const char* text : {"::1:4141", "::1", ":::4141", "fe80::1", "2001:db8::1:4141"}) {
    const auto address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_NE(address.error().context.find("[::1]:4141"), std::string::npos)
        << text << ": " << address.error().context;
  }
}

TEST(Address, TwoListenersCollideOnOnePlace) {
  struct Row {
    const char* a;
    const char* b;
    bool collide;
  };
  const Row rows[] = {
      {"127.0.0.1:1", "127.0.0.1:1", true}, {"127.0.0.1:1", "127.0.0.1:2", false},
      {"127.0.0.1:1", "0.0.0.0:1", true},   {"[::]:1", "127.0.0.1:1", true},
      {"127.0.0.1:0", "127.0.0.1:0", false}, {"unix:/a", "unix:/a", true},
      {"unix:/a", "unix:/b", false},        {"unix:/a", "127.0.0.1:1", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(collide(*parse_address(row.a), *parse_address(row.b)), row.collide)
        << row.a << " " << row.b;
  }
}

TEST(Address, OfAProviderMayBeIPv6InBrackets) {
  for (const char* url : {"http://[::1]:8000", "https://[2001:db8::1]/v1", "http://[::1]"}) {
    EXPECT_TRUE(check_base_url(url)) << url;
  }
  for (const char* url : {"http://::1:8000", "http://2001:db8::1/v1"}) {
    const auto checked = check_base_url(url);
    ASSERT_FALSE(checked) << url;
    EXPECT_NE(checked.error().context.find("brackets"), std::string::npos)
        << url << ": " << checked.error().context;
  }
}

}  // namespace
}  // namespace farebox
